package import PlaneLink
package import Settings
package import StoreVocabulary

/// One connection of a data plane to this control plane: numbered by the shell, never used again.
package struct LinkID: Hashable, Sendable {
    package var rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// What happens to the control plane. The shell tells it in the order in which it happened.
package enum ControlEvent: Sendable {
    /// A data plane connected.
    case connected(LinkID)
    /// Its connection is over: it ended, the link broke, or we closed it. Told once for each link, also for those
    /// that an effect closed.
    case disconnected(LinkID, LinkEnd)
    /// A message of it. The descriptor of a message that carries one waits in the shell: `adoptListener` takes a
    /// listening socket, without it the socket is closed.
    case received(LinkID, DataToControl)
    /// The answer to `openListeners`.
    case listenersOpened(LinkID, [OpenedListener], failed: [ListenerFailure])
    /// The file of an auther (its place in the configuration) was read: at the start, before any data plane connects,
    /// and whenever it has changed.
    case credentialsRead(Int, [Credential])
    /// The fixed rules were read, those of the configuration and of all files: at the start, before any data plane
    /// connects, and whenever a file has changed.
    case rulesRead(RuleTable)
    /// What a store's shell tells.
    case store(StoreEvent)
    /// Seconds since 1970, by this machine's clock: told before the first data plane connects and now and then after it.
    case wallTime(UInt64)
    /// Time has passed; due not later than `nextDeadline`.
    case tick
}

/// Why a link is over.
package enum LinkEnd: Equatable, Sendable {
    /// The data plane closed it or died.
    case closedByPeer
    /// It said something that cannot be.
    case fault(PlaneFault)
    /// It did not read what we sent.
    case overflow
    /// This side closed it.
    case closedHere
    /// The socket failed with this error number.
    case socketError(Int32)
}

/// A socket that the shell opened, listening, with the kernel's port where none was given.
package struct OpenedListener: Equatable, Sendable {
    package var order: ListenerOrder
    package var address: String

    package init(order: ListenerOrder, address: String) {
        self.order = order
        self.address = address
    }
}

/// A socket that could not be opened.
package struct ListenerFailure: Equatable, Sendable {
    package var order: ListenerOrder
    /// What the kernel said, for people.
    package var text: String

    package init(order: ListenerOrder, text: String) {
        self.order = order
        self.text = text
    }
}
