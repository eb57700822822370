/** The scenario of `npm start -- --once`: the whole story, each step proven by the data plane, in order. */
import type { Check } from './check.ts'
import { NETWORK_CHECKS } from './networks.ts'
import { RACE_CHECKS } from './races.ts'
import { REACH_CHECKS } from './reach.ts'
import { REMOVAL_CHECKS } from './removal.ts'

export type { Check } from './check.ts'
export const SCENARIO: readonly Check[] = [...NETWORK_CHECKS, ...REACH_CHECKS, ...RACE_CHECKS, ...REMOVAL_CHECKS]
