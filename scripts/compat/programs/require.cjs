// Prints how long the package takes to load, in milliseconds.
const start = performance.now()
require('@andresaya/flowkit-storage')
console.log(performance.now() - start)
