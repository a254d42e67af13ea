package import Model

/// What the control plane tells a data plane.
///
/// After a connection both sides say hello. The data plane then sends its inventory, the control plane its full table:
/// `settings, trust, credentials…, access, services, ingresses, listener…, listenersEnd, rulesSnapshot, routesSnapshot,
/// tableEnd`, and from then on deltas. (`credentials` and `access` only to data planes of the capability `access`, `trust`
/// and `rulesSnapshot` to those of their own, what concerns other nodes to those of the capability `cluster`.) Every push
/// carries a generation that only grows within one control-plane process; a data plane forgets the generations of the
/// connection before.
package enum ControlToData: Hashable, Sendable {
    case hello(ControlHello)
    /// The link cannot be used; the text says why and what to do. The link is closed after it.
    case refused(String)
    case settings(PlaneSettings)
    case services(generation: UInt64, [PlaneService])
    case ingresses(generation: UInt64, [PlaneIngress])
    /// Whose word about addresses is believed; said before the listeners, to data planes of the capability `trust`.
    case trust(PlaneTrust)
    /// More entries of a table of credentials, at most `CredentialDigest.perMessageMax`. The tables that come ahead of an
    /// `access` are those that it speaks of; all earlier ones are forgotten.
    case credentials(table: UInt16, [CredentialDigest])
    /// Who may use the services, and the key of the digests; holds from the next `services` on.
    case access(key: CredentialKey, [PlaneAccess])
    /// A listening socket to accept on; its descriptor comes with the message.
    case listener(PlaneListener)
    /// Stop accepting there and close the descriptor.
    case listenerRemoved(ListenerID)
    /// Every listener of the table was sent: others that the data plane still holds are to be closed.
    case listenersEnd
    /// Replaces all routes, or, where both sides have the capability `rules`, those that are not fixed rules. The
    /// descriptor of the sealed file comes with the message; its format is `RouteSnapshot`.
    case routesSnapshot(generation: UInt64, count: UInt64)
    /// Replaces the fixed rules and nothing else; a file like that of `routesSnapshot`.
    case rulesSnapshot(generation: UInt64, count: UInt64)
    /// At most `RouteChange.perMessageMax` changes on top of what is there.
    case routeDelta(generation: UInt64, [RouteChange])
    case bindAnswer(ask: UInt64, BindOutcome)
    /// Asks for the data plane's view, which comes back in `dump` messages.
    case dumpAsk(id: UInt64)
    case closeConnector(ConnectorID)
    /// Accept nothing new, every listener is given up: others have the sockets. What is under way ends, clients are asked
    /// to connect anew, and then the process ends.
    case drain
    /// The full table was sent; everything up to this generation is in it.
    case tableEnd(generation: UInt64)
    /// Answered by `pong`.
    case ping
    /// What peer links need; said ahead of the first row of the table of nodes.
    case peering(PlanePeering)
    /// A row of the table of nodes, new or changed.
    case node(PlaneNode)
    /// Where else a tunnel has connectors.
    case remoteTunnel(RemoteTunnel)
    /// Answers a `lookup`.
    case lookupAnswer(question: UInt64, PlaneLookupOutcome)
    /// Answers `leaving`: nobody is there to take over, so that there is nothing to wait for.
    case dismissed
    /// Words for another node's control plane; answered by `peerTold`. Said to data planes of the capability `words`.
    case tellPeer(PeerTelling)
}

/// The control plane's first message.
package struct ControlHello: Hashable, Sendable {
    package var version: PlaneVersion
    package var capabilities: PlaneCapabilities
    /// Stable name of the node.
    package var nodeName: String
    /// New at every start of the control plane.
    package var nodeEpoch: UInt64

    package init(version: PlaneVersion, capabilities: PlaneCapabilities, nodeName: String, nodeEpoch: UInt64) {
        self.version = version
        self.capabilities = capabilities
        self.nodeName = nodeName
        self.nodeEpoch = nodeEpoch
    }
}

/// Limits and log level.
package struct PlaneSettings: Hashable, Sendable {
    package var generation: UInt64
    /// Limits that are not listed have their standard value. Sent sorted; limits this build does not know are skipped.
    package var limits: [Limit: UInt64]
    package var logLevel: Severity

    package init(generation: UInt64, limits: [Limit: UInt64], logLevel: Severity) {
        self.generation = generation
        self.limits = limits
        self.logLevel = logLevel
    }
}
