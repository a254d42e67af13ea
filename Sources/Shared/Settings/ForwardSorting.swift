/// Where the parameters of a `-F` go.
struct ForwardSorting {
    let tree: ArgumentTree
    var hop: [(String, SettingNode)] = []
    var node: [(String, SettingNode)] = []
    var connector: [(String, SettingNode)] = []
    var connectorMetadata: [(String, SettingNode)] = []
    var dialer: [(String, SettingNode)] = []
    var dialerMetadata: [(String, SettingNode)] = []

    init(tree: ArgumentTree) { self.tree = tree }

    mutating func place(_ name: String, _ value: String) {
        let value = tree.text(value)
        if let rest = name.dropping(prefix: "connector.") {
            connectorMetadata.append((rest, value))
        } else if let rest = name.dropping(prefix: "dialer.") {
            dialerMetadata.append((rest, value))
        } else if let rest = name.dropping(prefix: "node.") {
            node.append((rest, value))
        } else if let rest = name.dropping(prefix: "hop.") {
            hop.append((rest, value))
        } else {
            switch name.lowercased() {
            case "bypass", "resolver", "hosts", "interface", "so_mark", "proxyprotocol": hop.append((name, value))
            case "strategy", "maxfails", "failtimeout": hop.append(("selector", value))
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
