/** The lab: several Docker hosts on one machine. This is its door; host.ts says what a lab host is made of. */
export { type BringUpOptions, bringUp, type Progress } from './bring-up.ts'
export { daemonPid, logTail } from './daemon.ts'
export { type DockerdOptions, startDockerd, stopDockerd } from './dockerd.ts'
export { type ExecOptions, type ExecResult, execIn } from './exec.ts'
export { CONTROLLER, DEFAULT_LAB, type HostLayout, LABS_ROOT, type LabLayout, labLayout } from './layout.ts'
export { RESOLVER_DAEMON, startAgent, startController, startResolver, stopProgram } from './programs.ts'
export { findHost, type Lab, listHosts, listLabs, openLab } from './record.ts'
export { type TakenDown, takeDown } from './take-down.ts'
