import ts from 'typescript'

/**
 * What of a source can be left out as a whole: its statements, and the bodies of arrow functions that are expressions.
 * @param {string} text in TypeScript
 * @returns {Array<{ line: number, places: string[] }>} the line on which it begins, from 0, and the `line:column` of all that runs whenever it does: V8
 * counts what stands behind an `if` without braces from somewhere in its midst
 */
export function statementsOf (text) {
  const file = ts.createSourceFile('', text, ts.ScriptTarget.Latest, true)
  const found = []
  const visit = node => {
    if (isOne(node)) {
      const places = new Set(startsIn(node).map(start => Object.values(file.getLineAndCharacterOfPosition(start)).join(':')))
      found.push({ line: file.getLineAndCharacterOfPosition(node.getStart()).line, places: [...places] })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function isOne (node) {
  if (isArrowBody(node)) return true
  return ts.isStatement(node) && ![ts.isBlock, ts.isEmptyStatement, ts.isInterfaceDeclaration, ts.isTypeAliasDeclaration, ts.isImportDeclaration, ts.isExportDeclaration,
    ts.isFunctionDeclaration, ts.isClassDeclaration].some(is => is(node))
}

const isArrowBody = node => node.parent !== undefined && ts.isArrowFunction(node.parent) && node === node.parent.body && !ts.isBlock(node)

/** Where it begins, and where all begins within it that is not skipped in any case. */
function startsIn (node) {
  return [node.getStart(), ...alwaysIn(node).filter(child => !ts.isStatement(child) && !ts.isFunctionLike(child) && !ts.isTypeNode(child)).flatMap(startsIn)]
}

function alwaysIn (node) {
  if (ts.isConditionalExpression(node)) return [node.condition]
  if (ts.isBinaryExpression(node) && /^(&&|\|\||\?\?)/.test(node.operatorToken.getText())) return [node.left]
  if (ts.isOptionalChain(node)) return [node.expression]
  if (ts.isBindingElement(node)) return [node.name]
  if (ts.isForStatement(node)) return [node.initializer ?? node]
  if (ts.isForOfStatement(node) || ts.isForInStatement(node) || ts.isSwitchStatement(node)) return [node.expression]
  if (ts.isTryStatement(node) || ts.isClassLike(node)) return []
  const children = []
  ts.forEachChild(node, child => { children.push(child) })
  return children
}
