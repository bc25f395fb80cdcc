'use strict'

/**
 * The same as `lib/natives.js`, for webpack and its like. They warn of each literal name whose package is not installed, which are
 * seven of eight. So they get a pattern, which finds what is there.
 *
 * @type {typeof import('./natives.js')}
 */
module.exports = function requireNative(target, explain) {
  try {
    // @ts-expect-error: a function of webpack.
    const natives = require.context('@andresaya', true, /^\.\/flowkit-storage-[\w-]+\/[\w.-]+\.node$/)
    return natives(`./flowkit-storage-${target}/flowkit-storage.${target}.node`)
  } catch (cause) {
    throw explain(cause)
  }
}
