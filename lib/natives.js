'use strict'

/**
 * Loads the native package of a target. Bundlers read the names here, so each is a literal. They take a package that is
 * missing for optional only if the `require` is in a `try`.
 *
 * @param {string} target
 * @param {(cause?: unknown) => Error} explain makes the error for a package that does not load
 * @returns {any}
 */
module.exports = function requireNative(target, explain) {
  try {
    switch (target) {
      case 'darwin-arm64':
        return require('@andresaya/flowkit-storage-darwin-arm64')
      case 'darwin-x64':
        return require('@andresaya/flowkit-storage-darwin-x64')
      case 'linux-arm64-gnu':
        return require('@andresaya/flowkit-storage-linux-arm64-gnu')
      case 'linux-arm64-musl':
        return require('@andresaya/flowkit-storage-linux-arm64-musl')
      case 'linux-x64-gnu':
        return require('@andresaya/flowkit-storage-linux-x64-gnu')
      case 'linux-x64-musl':
        return require('@andresaya/flowkit-storage-linux-x64-musl')
      case 'win32-arm64-msvc':
        return require('@andresaya/flowkit-storage-win32-arm64-msvc')
      case 'win32-x64-msvc':
        return require('@andresaya/flowkit-storage-win32-x64-msvc')
    }
  } catch (cause) {
    throw explain(cause)
  }
  throw explain()
}
