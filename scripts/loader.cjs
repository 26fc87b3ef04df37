#!/usr/bin/env node
// Runs the program beside it with the code that V8 made of it at the build (scripts/code-cache.mjs): a third less of a start, and a health check
// is one too. Another Node, architecture or flag than at the build refuses that code, and makes its own.
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { Script, constants } = require('node:vm')

const filename = join(__dirname, 'program.cjs')
const cachedData = savedCode()
if (cachedData === undefined) {
  require(filename)
} else {
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, 'latin1')}\n})`
  const script = new Script(wrapped, { filename, cachedData, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER })
  script.runInThisContext()(exports, require, module, filename, __dirname)
}

function savedCode () {
  try {
    return readFileSync(join(__dirname, `program.${process.arch}.cache`))
  } catch {
    return undefined
  }
}
