// `npm start`: the settings of the environment, and of `.env` where there is one; the environment wins.
import { existsSync } from 'node:fs'
import { loadEnvFile } from 'node:process'

if (existsSync('.env')) loadEnvFile('.env')
await import('../dist/bookable-sidecar.cjs')
