'use strict'

/**
 * Loads the addon. If the generated loader finds none, its message ("npm has a bug related to optional dependencies", then
 * the name of a package that does not exist) hides that a package is missing, and which.
 */
function loadBinding() {
  try {
    return require('../binding.js')
  } catch (cause) {
    if (!/native binding/i.test(/** @type {any} */ (cause)?.message)) throw cause
    const { platform, arch } = process
    throw new Error(
      `@andresaya/flowkit-storage found no binary for ${platform} ${arch}. It comes with an optional package, ` +
        `@andresaya/flowkit-storage-${platform}-${arch}…, which is not installed: install again without ` +
        '--omit=optional and on the platform that the program runs on. Where there is no such package, build it ' +
        'from source.',
      { cause },
    )
  }
}

module.exports = loadBinding()
