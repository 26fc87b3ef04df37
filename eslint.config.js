import neostandard from 'neostandard'

const CLOCK = 'Time comes from src/clock.ts, so that a test can move it.'
const PROCESS = 'process is known in main, commands, logger and config/load only.'

const noRawClock = [
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: CLOCK },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK }
]

export default [
  ...neostandard({ ts: true, ignores: ['dist/', '.tap/'] }),
  {
    rules: {
      // `void promise` says that a promise is left alone on purpose.
      'no-void': ['error', { allowAsStatement: true }]
    }
  },
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      'no-console': 'error'
    }
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error',
        ...['setTimeout', 'setInterval', 'performance'].map(name => ({ name, message: CLOCK })),
        { name: 'process', message: PROCESS }
      ],
      'no-restricted-syntax': ['error', ...noRawClock]
    }
  },
  {
    files: ['src/clock.ts'],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-syntax': 'off' }
  },
  {
    files: ['src/main.ts', 'src/logger.ts', 'src/commands/*.ts', 'src/config/load.ts'],
    rules: {
      'no-restricted-globals': ['error', ...['setTimeout', 'setInterval', 'performance'].map(name => ({ name, message: CLOCK }))]
    }
  }
]
