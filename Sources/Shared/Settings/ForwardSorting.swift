/// Where the parameters of a `-F` go.
struct ForwardSorting {
    let tree: ArgumentTree
    private var hopEntries: [(String, SettingNode)] = []
    private var nodeMetadata: [(String, SettingNode)] = []
    private var selector = SelectorSorting()
    var connector: [(String, SettingNode)] = []
    var connectorMetadata: [(String, SettingNode)] = []
    var dialer: [(String, SettingNode)] = []
    var dialerMetadata: [(String, SettingNode)] = []

    init(tree: ArgumentTree) { self.tree = tree }

    /// The hop's entries beside its nodes.
    var hop: [(String, SettingNode)] { hopEntries + selector.entries(tree) }
    /// Each node's entries beside its address, connector and dialer.
    var node: [(String, SettingNode)] {
        nodeMetadata.isEmpty ? [] : [("metadata", tree.mapping(nodeMetadata))]
    }

    mutating func place(_ name: String, _ value: String) {
        let value = tree.text(value)
        if let rest = name.dropping(prefix: "connector.") {
            connectorMetadata.append((rest, value))
        } else if let rest = name.dropping(prefix: "dialer.") {
            dialerMetadata.append((rest, value))
        } else if let rest = name.dropping(prefix: "node.") {
            nodeMetadata.append((rest, value))
        } else if let rest = name.dropping(prefix: "hop.") {
            hopEntries.append((rest, value))
        } else {
            switch name.lowercased() {
            case "bypass", "resolver", "hosts", "interface", "so_mark", "proxyprotocol":
                hopEntries.append((name, value))
            case "strategy", "maxfails", "failtimeout": selector.place(name, value)
            case "secure", "servername", "certfile", "cert", "keyfile", "key", "cafile", "ca":
                dialer.append(("tls", value))
            default:
                let inConnector = KeyRule.rank(ClientKeys.connectorMetadata.rule(for: name))
                let inDialer = KeyRule.rank(ClientKeys.dialerMetadata.rule(for: name))
                if inDialer > inConnector {
                    dialerMetadata.append((name, value))
                } else {
                    connectorMetadata.append((name, value))
                }
            }
        }
    }
}
