/** The presets of BOOKABLE_ENVIRONMENT. `legacy` is the Auth0 domain of Bookable's older documentation. */
export const ENVIRONMENTS = {
  production: {
    apiUrl: 'https://api.bookabletech.com',
    tokenUrl: 'https://auth.bookabletech.com/oauth/token'
  },
  sandbox: {
    apiUrl: 'https://api-sandbox.bookabletech.com',
    tokenUrl: 'https://auth-sandbox.bookabletech.com/oauth/token'
  },
  legacy: {
    apiUrl: 'https://api.bookabletech.com',
    tokenUrl: 'https://bookabletech.uk.auth0.com/oauth/token'
  }
} as const
