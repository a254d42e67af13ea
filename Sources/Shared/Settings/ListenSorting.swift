/// Where the parameters of a `-L` go. GOST copies each to handler, listener and service metadata; here each goes to the
/// one place that knows it, so that a misspelt one is found.
struct ListenSorting {
    let handlerTable: KeyTable
    let listenerTable: KeyTable
    let tree: ArgumentTree
    var service: [(String, SettingNode)] = []
    var serviceMetadata: [(String, SettingNode)] = []
    var handler: [(String, SettingNode)] = []
    var handlerMetadata: [(String, SettingNode)] = []
    var listener: [(String, SettingNode)] = []
    var listenerMetadata: [(String, SettingNode)] = []
    private var selector = SelectorSorting()
    /// A client's service has no port that a PROXY header could come to: there the key speaks of its targets.
    private let isClient: Bool

    init(handler: String, listener: String, tree: ArgumentTree) {
        self.tree = tree
        isClient = handler == "rtcp" || handler == "rudp"
        listenerTable =
            switch listener {
            case "udp": VisitorKeys.datagramMetadata
            default: ServerKeys.listenerMetadata
            }
        handlerTable =
            switch handler {
            case "rtcp", "rudp": ClientKeys.tunnelMetadata
            case "file": ClientKeys.fileMetadata
            case "tcp", "udp": VisitorKeys.handlerMetadata
            default: ServerKeys.tunnelMetadata
            }
    }

    /// The forwarder's entries beside its nodes.
    var forwarder: [(String, SettingNode)] { selector.entries(tree) }

    mutating func place(_ name: String, _ value: String) {
        let node = tree.text(value)
        if let rest = name.dropping(prefix: "handler.") {
            handlerMetadata.append((rest, node))
        } else if let rest = name.dropping(prefix: "listener.") {
            listenerMetadata.append((rest, node))
        } else if let rest = name.dropping(prefix: "service.") {
            serviceMetadata.append((rest, node))
        } else if !placeSpecial(name.lowercased(), node) {
            placeByTable(name, node)
        }
    }

    /// Parameters that GOST consumes and turns into objects.
    private mutating func placeSpecial(_ name: String, _ node: SettingNode) -> Bool {
        switch name {
        case "proxyprotocol" where isClient: handlerMetadata.append((name, node))
        case "admission", "bypass", "resolver", "hosts", "climiter", "rlimiter": service.append((name, node))
        case "prefer": service.append(("resolver", node))
        case "limiter.in", "limiter.out", "limiter.conn.in", "limiter.conn.out": service.append(("limiter", node))
        case "interface", "so_mark", "proxyprotocol", "netns": serviceMetadata.append((name, node))
        case "retries", "auther", "authers": handler.append((name, node))
        case "strategy", "maxfails", "failtimeout": selector.place(name, node)
        case "certfile", "cert", "keyfile", "key", "cafile", "ca": listener.append(("tls", node))
        default: return false
        }
        return true
    }

    private mutating func placeByTable(_ name: String, _ node: SettingNode) {
        let inHandler = handlerTable.rule(for: name)
        let inListener = listenerTable.rule(for: name)
        let inService = ServerKeys.serviceMetadata.rule(for: name)
        // One that a table reads goes there; then one that it refuses; then one that it knows to be without effect.
        let best = max(KeyRule.rank(inHandler), KeyRule.rank(inListener), KeyRule.rank(inService))
        // One that no table knows goes where a name like it stands, so that it is suggested.
        let isMisspelt = best == 0 && handlerTable.suggestion(for: name) == nil
        if isMisspelt, listenerTable.suggestion(for: name) != nil {
            listenerMetadata.append((name, node))
        } else if KeyRule.rank(inHandler) == best {
            handlerMetadata.append((name, node))
        } else if KeyRule.rank(inListener) == best {
            listenerMetadata.append((name, node))
        } else {
            serviceMetadata.append((name, node))
        }
    }
}

extension String {
    /// What follows the prefix, which is compared without regard to case; nil where it does not stand in front.
    func dropping(prefix: String) -> String? {
        lowercased().hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
