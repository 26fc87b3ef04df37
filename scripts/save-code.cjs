// Preloaded: saves what V8 made of the script that the loader runs, when it is told to by a message with the path.
const { writeFileSync } = require('node:fs')
const vm = require('node:vm')

vm.Script = class extends vm.Script {
  constructor (code, options) {
    super(code, options)
    process.once('message', path => {
      writeFileSync(path, this.createCachedData())
      process.exit()
    })
  }
}
