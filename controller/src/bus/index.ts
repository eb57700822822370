/** The door of the bus. */
export type { Bus, BusCounts, BusHandler, BusMessage, ServeOptions } from './bus.ts'
export { MAX_PAYLOAD } from './bus.ts'
export { type BusNotice, connectNats, type NatsBus, type NatsBusOptions } from './nats.ts'
export { natsVersionWarning } from './version.ts'
