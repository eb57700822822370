/** The door of the package: what controller, agent, cli and test may use. */

export {
  AGENT_VERBS,
  type AgentReply,
  type AgentRequest,
  type AgentVerb,
  EndpointReport,
  HostId,
  HostProblem,
  MOST_PORTS,
} from './agent-protocol.ts'
export { AttachmentView } from './api/attachment.ts'
export { ConnectionView } from './api/connection.ts'
export { DnsView } from './api/dns.ts'
export { EndpointView } from './api/endpoint.ts'
export { EventView } from './api/event.ts'
export { HostView } from './api/host.ts'
export { AddressView, IpReserveRequest, ReservationView } from './api/ip.ts'
export {
  NetworkChange,
  NetworkCreateRequest,
  NetworkUpdateRequest,
  NetworkUpdateView,
  NetworkView,
  SubnetRequest,
  SubnetView,
} from './api/network.ts'
export type { Operation } from './api/operation.ts'
export { OPERATIONS, type OperationName } from './api/operations.ts'
export { PublicationRequest, PublicationView, PublishOn } from './api/publication.ts'
export { RouterLegView, RouterView } from './api/router.ts'
export { HostStatus, StatusView } from './api/status.ts'
export { UplinkView } from './api/uplink.ts'
export {
  Attached,
  AttachTarget,
  AttachWish,
  ContainerRef,
  DOCKER_IFNAME_OPTION,
  ENDPOINT_OPTIONS,
  EndpointWish,
  GatewayPriority,
} from './attachment.ts'
export { BUS_USER, type BusTarget, busSettings } from './bus-settings.ts'
export { closest } from './closest.ts'
export { FoundDockerNetwork, type FoundMember, TakenOver } from './docker-network.ts'
export {
  DoctorCall,
  DoctorFinding,
  DoctorProbe,
  DoctorReply,
  DoctorRequest,
  DoctorView,
  DoctorWire,
  MOST_DOCTOR_PAIRS,
  MOST_DOCTOR_PROBES,
  MOST_DOCTOR_WIRES,
  PathMtu,
  SEVERITIES,
} from './doctor.ts'
export type {
  Attachment,
  Driver,
  DriverHost,
  DriverInput,
  LocalEndpoint,
  ParentReference,
  RemoteEndpoint,
} from './drivers/driver.ts'
export { hasOwnGateway } from './drivers/gateway.ts'
export { GATEWAY_TABLE, passingTable } from './drivers/gateway-table.ts'
export { type GuardedLink, guardName, guardTable, linkLocalOf } from './drivers/guard.ts'
export {
  changedOptions,
  describeOptions,
  type OptionChange,
  type OptionHelp,
  parseOptions,
  resolveOptions,
  whyFixed,
} from './drivers/options.ts'
export { parseParent, type ResolvedParent, resolveParent, subInterfaceNames } from './drivers/parent.ts'
export { partingName } from './drivers/parting.ts'
export { defaultRouteFor, deviceRoutes } from './drivers/port.ts'
export { driverFor, drivers } from './drivers/registry.ts'
export { SHIM_TABLE } from './drivers/shim-table.ts'
export { VXLAN_TABLE, type VxlanFilter, vxlanFilterTable } from './drivers/vxlan-filter.ts'
export { ERROR_CODES, type ErrorBody, type ErrorCode, type ErrorParts, WeftError } from './errors.ts'
export { sentence } from './finding.ts'
export { type Hash128, hash128 } from './hash.ts'
export { formatHostPort, type HostPort, parseHostPort } from './host-port.ts'
export {
  HOST_VERBS,
  HostCall,
  HostPortClaim,
  type HostReply,
  type HostRequest,
  type HostVerb,
} from './host-protocol.ts'
export { formatOp } from './host-state/format-op.ts'
export {
  AddressSchema,
  type Announcement,
  type BridgePort,
  EMPTY_HOST_STATE,
  type FdbEntry,
  FdbEntrySchema,
  type HostState,
  HostStateSchema,
  hasParentsMac,
  IPVLAN_FLAGS,
  IPVLAN_MODES,
  type IpvlanFlag,
  type IpvlanMode,
  type Link,
  type LinkAddress,
  type LinkKind,
  type LinkRef,
  LinkSchema,
  MACVLAN_MODES,
  type MacvlanMode,
  mergeHostStates,
  type Namespace,
  NamespaceSchema,
  type Neighbour,
  NeighbourSchema,
  parentOf,
  parentUse,
  type Route,
  RouteSchema,
} from './host-state/host-state.ts'
export {
  type AwaitedLink,
  type ComingLink,
  mergeNftTables,
  NFT_TABLE_COMMENT,
  type NftChain,
  type NftHook,
  type NftSet,
  type NftTable,
  type NftTableRef,
  NftTableRefSchema,
  NftTableSchema,
  nftClearScript,
  nftTableKey,
  nftTableScript,
  normalNftTable,
  sameNftTable,
} from './host-state/nft-table.ts'
export { type Op, OpSchema } from './host-state/op.ts'
export { canonicalJson, digestOf, EMPTY_DIGEST, entryHash, shiftDigest } from './intent/digest.ts'
export {
  AuxAddresses,
  EGRESS_MODES,
  type Egress,
  ENDPOINT_ROLES,
  type EndpointRole,
  EndpointSpec,
  Entry,
  entryKey,
  Mtu,
  NetworkSpec,
  PeerSpec,
  RouterSpec,
  SubnetSpec,
  UplinkSpec,
  Vni,
} from './intent/entry.ts'
export {
  applyChange,
  digestOfMap,
  type EntryMap,
  entryChange,
  IntentDelta,
  IntentPage,
  Position,
  toEntryMap,
} from './intent/intent.ts'
export {
  formatHostSide,
  formatPublication,
  Port,
  PROTOCOLS,
  Protocol,
  PublicationSpec,
  PublishedPort,
  samePort,
} from './intent/publication.ts'
export {
  ADDRESS_BITS,
  type Address,
  addressFromHex,
  addressToHex,
  type Family,
  familyOf,
  formatAddress,
  parseAddress,
  sameAddress,
} from './ip/address.ts'
export {
  type Cidr,
  cidrSize,
  containsAddress,
  containsCidr,
  firstAddress,
  formatCidr,
  lastAddress,
  overlaps,
  parseCidr,
  parseInterfaceAddress,
} from './ip/cidr.ts'
export { decodeJoinString, encodeJoinString, JoinInfo } from './join-string.ts'
export { isLoopbackHost } from './loopback.ts'
export {
  deriveMac,
  FABRIC_NETNS,
  INTERFACE_NAME_BYTES,
  INTERFACE_PREFIX,
  type InterfaceRole,
  interfaceName,
  interfacePrefix,
  isSandbox,
  ROUTER_NETNS_PREFIX,
  routerNetns,
  WEFT_LINK_GROUP,
  WEFT_ROUTE_PROTOCOL,
} from './names.ts'
export { errorReply, okReply, readReply } from './reply.ts'
export { judgeRoom, type RoomFacts } from './room.ts'
export type { Clock, RandomText } from './runtime.ts'
export {
  AGENT_SUBJECTS,
  agentSubject,
  CONTROLLER_QUEUE,
  hostCallSubject,
  intentSubject,
  parseAgentSubject,
  parseHostCallSubject,
  pokeSubject,
} from './subjects.ts'
export {
  TraceCall,
  type TraceContainer,
  TraceEnd,
  TraceEndRequest,
  TraceTry,
  TraceTryRequest,
  TraceView,
} from './trace.ts'
export { inspectWith, type PlacedFinding, parseJsonWith, parseWith } from './validate.ts'
export { CidrText, IpText } from './words/address-text.ts'
export { HostFacts, InterfaceFact } from './words/host-facts.ts'
export { listed } from './words/listed.ts'
export {
  EndpointName,
  InterfaceName,
  Mac,
  Name,
  PROTOTYPE_KEYS,
  RequestId,
  StringMap,
  UID_LENGTH,
  Uid,
} from './words/names.ts'
