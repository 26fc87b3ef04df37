import { register } from 'node:module'

register('./esbuild.mjs', import.meta.url)
