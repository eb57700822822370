/** The door of the plan: what the agent's loop uses. */
export { confirmAttachments } from './confirm.ts'
export { type Desired, type DesiredInput, desiredState } from './desired.ts'
export { type Diff, diff } from './diff.ts'
export { type EndpointPlan, type EndpointPlanInput, planEndpoint } from './endpoint.ts'
export { holdRemovals } from './hold-removals.ts'
export type { Conflict } from './link-fates.ts'
export { announcements } from './placed.ts'
export { claimsOf, type TakenPort } from './publications.ts'
