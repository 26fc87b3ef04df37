// `npm start`: the settings of the environment, and of `.env` where there is one; the environment wins.
import { existsSync } from 'node:fs'
import { loadEnvFile } from 'node:process'

if (existsSync('.env')) loadEnvFile('.env')
else if (!process.env.BOOKABLE_CLIENT_ID && !process.env.BOOKABLE_CLIENT_ID_FILE) console.error('No .env here: cp .env.example .env, then fill in the credentials that Bookable gave you')
await import('../dist/bookable-sidecar.cjs')
