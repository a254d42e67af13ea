package import Model
package import PlaneLink
package import StoreVocabulary

/// What the control plane wants done. The shell does it at once, in order.
package enum ControlEffect: Equatable, Sendable {
    /// Queue a message that carries no descriptor.
    case send(LinkID, ControlToData)
    /// Queue `listener` with a copy of the descriptor kept for it under the data plane's name and the listener's id.
    case sendListener(LinkID, plane: String, PlaneListener)
    /// Write the routing table of claims, or `whole` that of all routes, as it is now into a sealed file, or take the last
    /// one if its generation is the same, and queue `routesSnapshot` with it.
    case sendTable(LinkID, generation: UInt64, whole: Bool)
    /// Queue `rulesSnapshot` with the file of the rules that were read last.
    case sendRules(LinkID, generation: UInt64)
    /// Open sockets and tell `listenersOpened`.
    case openListeners(LinkID, [ListenerOrder])
    /// Keep the socket that came with the message being handled, under the data plane's name and the id.
    case adoptListener(plane: String, ListenerID)
    /// Keep a socket under another data plane's name and another id from now on.
    case moveListener(plane: String, ListenerID, to: String, ListenerID)
    /// Close the kept sockets of these ids; without ids all of the data plane's.
    case closeListeners(plane: String, [ListenerID]?)
    /// End the link after what is queued was sent.
    case close(LinkID)
    /// Send a batch to a store; its answer is an event. Batches for one store are sent in their order.
    case store(StoreID, StoreBatch)
    case log(ControlNote)
}

/// A socket to be opened for one worker of a data plane.
package struct ListenerOrder: Hashable, Sendable {
    package var plane: String
    package var id: ListenerID
    package var worker: WorkerIndex
    package var point: ListenPoint

    package init(plane: String, id: ListenerID, worker: WorkerIndex, point: ListenPoint) {
        self.plane = plane
        self.id = id
        self.worker = worker
        self.point = point
    }
}

/// A line for the log: a constant message and its fields.
package struct ControlNote: Equatable, Sendable {
    /// One field of the line.
    package struct Field: Equatable, Sendable {
        package var key: String
        package var value: String
    }

    package var severity: Severity
    package var message: String
    package var fields: [Field]

    /// A line with its fields in the order given.
    package init(_ severity: Severity, _ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        self.severity = severity
        self.message = message
        self.fields = fields.map { Field(key: $0.key, value: $0.value) }
    }
}
