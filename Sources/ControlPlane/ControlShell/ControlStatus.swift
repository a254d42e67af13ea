package import ControlCore

/// A moment of the control plane, for the pages of the admin server: values only.
package struct ControlStatus: Sendable {
    /// One connected data plane.
    package struct DataPlane: Sendable {
        package var name: String
        package var processID: UInt32
        package var workers: Int
        package var phase: String
        package var isFrozen: Bool
        package var connectors: Int
        package var appliedGeneration: UInt64
        package var listeners: [String]
        /// Name and sum over the workers.
        package var counters: [(name: String, value: UInt64)]
        /// Reason's label and sum over the workers.
        package var reasons: [(name: String, value: UInt64)]
    }

    /// A store, as the core knows it.
    package struct Store: Sendable {
        /// Address, or the sentinels' name for it, and database.
        package var name: String
        package var isUp: Bool
        package var isTracking: Bool
    }

    package var node: String
    package var nodeEpoch: UInt64
    package var isReady: Bool
    package var generation: UInt64
    package var routes: Int
    /// Those of them that are fixed rules, the generation with which the present ones were sent, and whether every worker of
    /// every data plane uses them.
    package var rules: Int
    package var rulesGeneration: UInt64
    package var rulesAreEverywhere: Bool
    package var tunnels: Int
    package var connectors: Int
    package var keptSockets: Int
    package var tally: ControlTally
    package var dataPlanes: [DataPlane]
    package var stores: [Store]
    /// nil on a node that is alone.
    package var cluster: ClusterStatus?
}

/// Both planes' canonical texts (`DumpText`), side by side.
package struct ControlDump: Sendable, Codable, Equatable {
    /// What this node's control plane and one of its data planes believe about the same things.
    package struct Pair: Sendable, Codable, Equatable {
        package var dataPlane: String
        package var control: String
        /// nil: the data plane did not answer in time.
        package var data: String?
        package var agree: Bool
    }

    package var node: String
    package var generation: UInt64
    package var listeners: [String: [String]]
    package var dataPlanes: [Pair]
    package var agree: Bool
}
