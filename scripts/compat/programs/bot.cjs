// The same for CommonJS, in short.
const { MemoryStorage } = require('@andresaya/flowkit-storage')

const storage = new MemoryStorage()
storage.save({ conversationId: 'user', step: 'ask' })
storage.load('user').then((state) => console.log(state?.step === 'ask' ? 'kept' : 'lost'))
