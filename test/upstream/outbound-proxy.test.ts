import t from 'tap'
import { parseNoProxy } from '../../src/config/parse.ts'
import { isExempt } from '../../src/upstream/outbound-proxy.ts'

for (const [noProxy, url, isDirect] of [
  ['', 'https://api.example.com', false],
  ['*', 'https://api.example.com', true],
  ['api.example.com', 'https://api.example.com', true],
  ['API.Example.com', 'https://api.example.com', true],
  ['example.com', 'https://api.example.com', true],
  ['.example.com', 'https://api.example.com', true],
  ['*.example.com', 'https://api.example.com', true],
  ['ample.com', 'https://api.example.com', false],
  ['api.example.com.evil', 'https://api.example.com', false],
  ['a.example, b.example  api.example.com', 'https://api.example.com', true],
  ['api.example.com:443', 'https://api.example.com', true],
  ['api.example.com:8443', 'https://api.example.com', false],
  ['api.example.com:8443', 'https://api.example.com:8443', true],
  ['10.1.2.3', 'https://10.1.2.3', true],
  ['10.1.2.3:443', 'https://10.1.2.3', true],
  ['10.1.2.3', 'https://110.1.2.3', false],
  ['2.3', 'https://10.1.2.3', false],
  ['10.0.0.0/8', 'https://10.1.2.3', true],
  ['10.0.0.0/8', 'https://11.1.2.3', false],
  ['10.0.0.0/33', 'https://10.1.2.3', false],
  ['10.0.0.0/8', 'https://[fd00::1]', false],
  ['fd00::/8', 'https://[fd00::1]', true],
  ['fd00::1', 'https://[fd00::1]', true],
  ['[fd00::1]:443', 'https://[fd00::1]', true]
] as const) {
  t.test(`NO_PROXY=${noProxy} sends ${url} ${isDirect ? 'directly' : 'through the proxy'}`, async t => {
    t.equal(isExempt(new URL(url), parseNoProxy(noProxy)), isDirect)
  })
}
