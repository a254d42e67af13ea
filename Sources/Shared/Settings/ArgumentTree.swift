/// Builds the tree of settings that a `-L` or `-F` argument stands for, as GOST builds its configuration from them
/// (protocol tunnel-client §9.1, §9.2). It decides only *where* a parameter goes; what it means is read as for YAML.
struct ArgumentTree {
    let place: SettingPlace

    func text(_ text: String) -> SettingNode { SettingNode(.scalar(text), at: place) }

    func list(_ nodes: [SettingNode]) -> SettingNode { SettingNode(.list(nodes), at: place) }

    func mapping(_ pairs: [(String, SettingNode)]) -> SettingNode {
        SettingNode(.mapping(pairs.map { SettingEntry(key: $0.0, place: place, value: $0.1) }), at: place)
    }

    func auth(_ url: ServiceURL) -> [(String, SettingNode)] {
        guard let userName = url.userName else { return [] }
        return [("auth", mapping([("username", text(userName)), ("password", text(url.password ?? ""))]))]
    }

    /// The URL of an argument, or nil with the problem noted.
    func url(_ argument: String, findings: inout Findings) -> ServiceURL? {
        let message: String
        do {
            return try ServiceURL(argument)
        } catch {
            switch error {
            case .scheme: message = "is no URL: write `scheme://address`, as `tunnel+ws://:8421` or `file://:8000`"
            case .encoding: message = "a `%` must be followed by two hexadecimal digits of UTF-8 text"
            case .credentials: message = "`auth=` must be the base64 of `user:password`"
            }
        }
        findings.problem(place, "", message)
        return nil
    }

    // MARK: -L

    /// The services of one `-L`: one for each address. `chain` is the name of the chain made of the `-F`s, if any.
    func services(listen argument: String, chain: String?, findings: inout Findings) -> [SettingNode] {
        guard let url = url(argument, findings: &findings) else { return [] }
        let handler = url.schemes[0]
        // A single word is both; one that is no listener stands for tcp.
        let isListener = ["rtcp", "rudp", "udp"].contains(handler)
        let listener = url.schemes.count == 2 ? url.schemes[1] : isListener ? handler : "tcp"
        var sorting = ListenSorting(handler: handler, listener: listener, tree: self)
        for parameter in url.parameters { sorting.place(parameter.name, parameter.value) }
        sorting.handler += auth(url)
        // The chain is the listener's where the server is asked for visitors, else the handler's.
        if let chain {
            switch handler {
            case "tcp", "udp": sorting.handler.append(("chain", text(chain)))
            default: if listener == "rtcp" || listener == "rudp" { sorting.listener.append(("chain", text(chain))) }
            }
        }

        let addresses = url.addresses.isEmpty ? [""] : url.addresses
        return addresses.map { address in
            var service: [(String, SettingNode)] = sorting.service
            if !address.isEmpty { service.append(("addr", text(address))) }
            service.append(("metadata", mapping(sorting.serviceMetadata)))
            service.append(
                (
                    "handler",
                    mapping(
                        sorting.handler + [("type", text(handler)), ("metadata", mapping(sorting.handlerMetadata))])
                ))
            service.append(
                (
                    "listener",
                    mapping(
                        sorting.listener + [("type", text(listener)), ("metadata", mapping(sorting.listenerMetadata))])
                ))
            if !url.rest.isEmpty {
                let nodes = url.rest.split(separator: ",").map { mapping([("addr", text(String($0)))]) }
                service.append(("forwarder", mapping(sorting.forwarder + [("nodes", list(nodes))])))
            }
            return mapping(service)
        }
    }

    // MARK: -F

    /// The hop of one `-F`: a node for each address.
    func hop(forward argument: String, findings: inout Findings) -> SettingNode? {
        guard let url = url(argument, findings: &findings) else { return nil }
        let connector = url.schemes[0]
        let dialer = url.schemes.count == 2 ? url.schemes[1] : "tcp"
        var sorting = ForwardSorting(tree: self)
        for parameter in url.parameters { sorting.place(parameter.name, parameter.value) }
        sorting.connector += auth(url)
        if !url.rest.isEmpty {
            findings.problem(place, "", "a server takes no path here; write `?path=/\(url.rest)`")
        }
        guard !url.addresses.isEmpty else {
            findings.problem(place, "", "needs the server's address: `tunnel+ws://host:port`")
            return nil
        }
        let nodes = url.addresses.map { address in
            mapping(
                [
                    ("addr", text(address)),
                    (
                        "connector",
                        mapping(
                            sorting.connector + [
                                ("type", text(connector)), ("metadata", mapping(sorting.connectorMetadata)),
                            ])
                    ),
                    (
                        "dialer",
                        mapping(
                            sorting.dialer + [("type", text(dialer)), ("metadata", mapping(sorting.dialerMetadata))])
                    ),
                ] + sorting.node)
        }
        return mapping([("nodes", list(nodes))] + sorting.hop)
    }
}
