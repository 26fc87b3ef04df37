/** Single metrics of prom-client's default ones; its own types know only all of them together. */
declare module 'prom-client/lib/metrics/*.js' {
  import type { Registry } from 'prom-client'

  export default function register (registry: Registry): void
}
