'use strict'

/** The first word of a server's error answer, and what it means for an operation. `src/store/redis/` has the same table. */
const ANSWERS = {
  WRONGTYPE: ['ERR_STORAGE_CORRUPT', 'the key holds a value of another type'],
  NOPERM: ['ERR_STORAGE_DENIED', 'the server does not permit it'],
  NOAUTH: ['ERR_STORAGE_DENIED', 'the server wants a password'],
  WRONGPASS: ['ERR_STORAGE_DENIED', 'the server refuses the user name or password'],
  OOM: ['ERR_STORAGE_UNAVAILABLE', 'the server is out of memory'],
  LOADING: ['ERR_STORAGE_UNAVAILABLE', 'the server is still loading its data'],
  MASTERDOWN: ['ERR_STORAGE_UNAVAILABLE', "the replica's master is down"],
  READONLY: ['ERR_STORAGE_UNAVAILABLE', 'the server is a replica, which does not take writes'],
  MISCONF: ['ERR_STORAGE_UNAVAILABLE', 'the server cannot write to its disk'],
  TRYAGAIN: ['ERR_STORAGE_UNAVAILABLE', 'the cluster is moving the key'],
  CLUSTERDOWN: ['ERR_STORAGE_UNAVAILABLE', 'the cluster is down'],
  NOREPLICAS: ['ERR_STORAGE_UNAVAILABLE', 'the server has too few replicas to take writes'],
  BUSY: ['ERR_STORAGE_UNAVAILABLE', 'the server is busy with a script'],
  MOVED: ['ERR_STORAGE_UNAVAILABLE', 'the server belongs to a cluster; use a cluster client'],
  ASK: ['ERR_STORAGE_UNAVAILABLE', 'the server belongs to a cluster; use a cluster client'],
}

/** @returns {[code: string, reason: string]} what a client's own error means */
function readClientError(error) {
  // Whatever a client throws: it may be something that cannot be looked at.
  try {
    return classify(error)
  } catch {
    return ['ERR_STORAGE_UNAVAILABLE', 'the client reports an error']
  }
}

function classify(error) {
  const message = typeof error?.message === 'string' ? error.message : ''
  const known = ANSWERS[/^[A-Z]+/.exec(message)?.[0]]
  if (known !== undefined) return known
  if (/^ERR unknown command/.test(message))
    return ['ERR_STORAGE_DENIED', 'the server does not know a command that is needed']
  if (/subscriber mode/.test(message)) {
    return ['ERR_STORAGE_UNAVAILABLE', 'the client is in subscriber mode; give the storage a client of its own']
  }
  if (/timed out/i.test(message) || error?.name === 'TimeoutError') {
    return ['ERR_STORAGE_TIMEOUT', 'no answer in time, so whether it took effect is unknown']
  }
  if (
    /Connection is closed|client is closed|Socket closed|isn't writeable/i.test(message) ||
    /^E[A-Z]+$/.test(error?.code)
  ) {
    return ['ERR_STORAGE_UNAVAILABLE', 'the client is not connected']
  }
  return ['ERR_STORAGE_UNAVAILABLE', 'the client reports an error']
}

module.exports = { readClientError }
