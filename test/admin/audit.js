/* global document, getComputedStyle, Node, NodeFilter */
// Runs in the page: everything about it that a reader could complain of, as sentences. Read as text by chromium.browser.ts.
(() => {
  const complaints = []

  const rgbaOf = color => {
    const [r = 0, g = 0, b = 0, a = 1] = (color.match(/[\d.]+/g) ?? []).map(Number)
    return { r, g, b, a }
  }
  // WCAG 2.2, relative luminance and contrast ratio
  const luminance = ({ r, g, b }) => {
    const [lr, lg, lb] = [r, g, b].map(value => value / 255).map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * lr + 0.7152 * lg + 0.0722 * lb
  }
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a)
    return (light + 0.05) / (dark + 0.05)
  }
  const backgroundOf = element => {
    for (let at = element; at !== null; at = at.parentElement) {
      const background = rgbaOf(getComputedStyle(at).backgroundColor)
      if (background.a === 1) return background
      if (background.a !== 0) complaints.push(`${at.tagName} has a background that shines through, which this cannot judge`)
    }
    return rgbaOf('rgb(255, 255, 255)')
  }

  let texts = 0
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement
    if (node.data.trim() === '' || element.closest('svg') !== null || !element.checkVisibility()) continue
    texts++
    const { color, fontSize, opacity } = getComputedStyle(element)
    const ratio = contrast(rgbaOf(color), backgroundOf(element))
    if (!(ratio >= 4.5) || rgbaOf(color).a !== 1 || opacity !== '1') complaints.push(`"${node.data.trim()}" has a contrast of ${ratio.toFixed(2)}`)
    if (parseFloat(fontSize) < 12) complaints.push(`"${node.data.trim()}" is only ${fontSize} high`)
  }
  if (texts < 30) complaints.push(`only ${texts} texts were found`)

  // WCAG 1.4.11: what one must see to understand the graphics
  for (const shape of document.querySelectorAll('.done, .line, .icon path:first-child, .bar :is(.accent, .warning, .bad), .bar .mark')) {
    const { fill, stroke } = getComputedStyle(shape)
    const ratio = contrast(rgbaOf(fill === 'none' ? stroke : fill), backgroundOf(shape.closest('svg').parentElement))
    if (!(ratio >= 3)) complaints.push(`a ${shape.getAttribute('class')} shape has a contrast of ${ratio.toFixed(2)}`)
  }

  for (const svg of document.querySelectorAll('svg')) {
    if (svg.getAttribute('aria-hidden') === 'true') {
      if (svg.parentElement.textContent.trim() === '') complaints.push('a hidden graphic stands alone, without words beside it')
      continue
    }
    const name = (svg.getAttribute('aria-labelledby') ?? '').split(' ').map(id => document.getElementById(id)?.textContent ?? '').join(' ').trim()
    if (svg.getAttribute('role') !== 'img' || name.length < 10) complaints.push(`a graphic has no name but "${name}"`)
  }

  const levels = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(({ tagName }) => Number(tagName[1]))
  if (levels[0] !== 1 || levels.filter(level => level === 1).length !== 1) complaints.push('there is not one h1 at the start')
  levels.forEach((level, i) => { if (i > 0 && level > levels[i - 1] + 1) complaints.push(`a heading skips from ${levels[i - 1]} to ${level}`) })

  for (const landmark of ['header', 'main', 'footer', 'nav']) {
    if (document.querySelectorAll(landmark).length !== 1) complaints.push(`there is not one ${landmark}`)
  }
  if (document.documentElement.lang !== 'en') complaints.push('it does not say its language')
  for (const section of document.querySelectorAll('section')) {
    const heading = document.getElementById(section.getAttribute('aria-labelledby'))
    if (heading === null || heading.compareDocumentPosition(section) & Node.DOCUMENT_POSITION_FOLLOWING) complaints.push('a section is not named by its own heading')
  }

  const { scrollWidth, clientWidth } = document.documentElement
  if (scrollWidth > clientWidth) complaints.push(`it is ${scrollWidth} wide, and the window ${clientWidth}`)
  for (const element of document.querySelectorAll('main *, header *, footer *')) {
    const { left, right } = element.getBoundingClientRect()
    if (element.checkVisibility() && (left < 0 || right > clientWidth + 0.5) && element.closest('thead') === null) complaints.push(`a ${element.tagName} reaches beyond the window`)
  }
  return complaints
})()
