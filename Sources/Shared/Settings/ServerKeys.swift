/// The keys of tunnel services and ingresses (protocol config §2–§4, §7; tunnel-server §2; transports §5).
enum ServerKeys {
    /// Of every service, whatever its handler.
    static let service = KeyTable(
        "a service",
        [
            .used("name"), .used("addr"), .used("handler"), .used("listener"), .used("forwarder"), .used("metadata"),
            .missing("admission", "admissions", advice: "restrict who may connect by a firewall, and remove it"),
            .missing("bypass", "bypasses", advice: "remove it, and with it the hosts from the ingress"),
            .missing(
                "limiter", "climiter", "rlimiter", "quotas", advice: "see `culvert: {limits: …}` for what bounds a node"
            ),
            .missing("resolver", "hosts", advice: "use the system's resolver (`/etc/hosts`)"),
            .withoutEffect("observer", because: "counters are at metrics.addr under /metrics"),
            .withoutEffect("recorders", because: "nothing is recorded"),
            .withoutEffect("logger", "loggers", because: "every process logs to stderr"),
            .withoutEffect("status", because: "GOST writes it when it saves a configuration"),
        ])

    static let serviceMetadata = KeyTable(
        "the metadata of a service",
        [
            .used("proxyProtocol"),
            .missing("interface", "so_mark", "netns", "netns.out", advice: "use the system's routing"),
            .missing("preUp", "postUp", "preDown", "postDown", advice: "run the commands from the service's unit file"),
            .withoutEffect("ignoreChain", because: "a tunnel server dials nothing"),
            .withoutEffect("enableStats", "observer.*", because: "counters are at metrics.addr under /metrics"),
            .withoutEffect("limiter.*", because: "no limiter refers to it"),
            .withoutEffect("dialTimeout", because: "dials are bounded by 10 s"),
            .withoutEffect("labels", because: "nothing is recorded"),
        ])

    /// Of every handler, whatever its type.
    static let handlerRules: [KeyRule] = [
        .used("type"), .used("metadata"),
        .missing("auther", "authers", "auth", advice: "restrict who reaches the port by a firewall, and remove it"),
        .missing("tls", advice: "put a TLS proxy in front"),
        .missing("limiter", advice: "see `culvert: {limits: …}` for what bounds a node"),
        .withoutEffect("observer", because: "counters are at metrics.addr under /metrics"),
        .withoutEffect("retries", because: "another connector is tried by itself"),
    ]

    static let tunnelHandler = KeyTable(
        "a tunnel handler",
        // In front of what all handlers have: the first rule of a key counts.
        [.used("auther"), .used("authers"), .used("auth")] + handlerRules
            + [.missing("chain", "chainGroup", advice: "a tunnel server dials nothing; remove it")])

    static let auther = KeyTable(
        "an auther",
        [
            .used("name"), .used("auths"), .used("file"), .used("reload"),
            .missing("redis", "http", "plugin", advice: "write the users under `auths:` or into a `file:`"),
        ])

    static let login = KeyTable("an element of `auths`", [.used("username"), .used("password")])

    static let inlineLogin = KeyTable(
        "the login of a handler", [.used("username"), .used("password"), .used("file")])

    static let credentialFile = KeyTable("the file of an auther", [.used("path")])

    static let tunnelMetadata = KeyTable(
        "the metadata of a tunnel handler",
        [
            .used("entrypoint"), .used("entrypoints"), .used("ingress"), .used("tunnel"), .used("tunnel.direct"),
            .used("entrypoint.id"), .used("entrypoint.relay"),
            .used("readTimeout"), .used("entrypoint.readTimeout"), .used("mux.version"), .used("mux.type"),
            .used("mux.keepaliveInterval"), .used("mux.keepaliveTimeout"),
            .used("sd"),
            .used("entrypoint.ProxyProtocol"), .used("entrypoint.clientIP"),
            .missing("mux.keepaliveDisabled", advice: "lengthen `mux.keepaliveTimeout` instead"),
            .withoutEffect("entrypoint.keepalive", because: "streams are always kept for the next request"),
            .withoutEffect("entrypoint.compression", because: "bodies pass as they are"),
            .withoutEffect(
                "mux.maxFrameSize", "mux.maxReceiveBuffer", "mux.maxStreamBuffer", "mux.maxStreamWindow",
                because: "windows are per stream; see `culvert: {limits: {streamWindowBytes: …}}`"),
            .withoutEffect("tunnel.ttl", because: "connectors are renewed at a third of what `sds` lets them live"),
            .withoutEffect("sniffing", "sniffing.*", because: "nothing is recorded"),
            .withoutEffect("hash", because: "a tunnel handler does not read it"),
            .withoutEffect(
                "observePeriod", "observer.*", because: "counters are at metrics.addr under /metrics"),
            .withoutEffect("limiter.*", because: "no limiter refers to it"),
            .missing(
                "skipauth", advice: "give those a second service, without an auther, at a private address"),
        ])

    static let entrypoint = KeyTable("an element of `entrypoints`", [.used("addr"), .used("ingress")])

    /// Of every listener, whatever its type.
    static let listenerRules: [KeyRule] = [
        .used("type"), .used("metadata"),
        .missing("tls", advice: "no carrier with TLS is available yet; put a TLS proxy in front"),
        .missing("auther", "authers", "auth", advice: "GOST ignores it on these carriers as well; remove it"),
    ]

    static let tunnelListener = KeyTable(
        "the listener of a tunnel service",
        listenerRules + [.missing("chain", "chainGroup", advice: "listen at a local address instead")])

    /// GOST's tcp and ws listeners; the path is checked to stand on ws only.
    static let listenerMetadata = KeyTable(
        "the metadata of a listener",
        [
            .used("ws.path", "path"),
            .missing("ws.header", "header", advice: "remove it; the answer to an upgrade has no further fields"),
            .missing("mptcp", advice: "remove it"),
            .missing("proxyProtocol", advice: "write it under the service's own `metadata:`"),
            .withoutEffect("backlog", because: "the kernel's longest backlog is used"),
            .withoutEffect("reuseport", because: "it is always on"),
            .withoutEffect(
                "keepalive", "keepalive.*", "tcp.keepalive", "tcp.keepalive.*", "ws.keepalive", "ttl",
                because: "connectors are kept alive by mux.keepaliveInterval"),
            .withoutEffect(
                "ws.enableCompression", "enableCompression", because: "messages are never compressed"),
            .withoutEffect(
                "ws.readBufferSize", "readBufferSize", "ws.writeBufferSize", "writeBufferSize",
                because: "buffers are the worker's"),
            .withoutEffect(
                "ws.handshakeTimeout", "handshakeTimeout", "ws.readHeaderTimeout", "readHeaderTimeout",
                because: "the handshake is bounded by the handler's readTimeout"),
            .withoutEffect("mux.*", because: "the handler's mux keys are read"),
        ])

    static let ingress = KeyTable(
        "an ingress",
        [
            .used("name"), .used("rules"), .used("plugin"), .used("file"), .used("reload"),
            .missing("redis", "http", advice: "write the rules under `rules:` or into a `file:`"),
        ])

    static let ruleFile = KeyTable("the file of an ingress", [.used("path")])

    static let ingressRule = KeyTable("an ingress rule", [.used("hostname"), .used("endpoint")])

    static let plugin = KeyTable(
        "the memory plugin of an ingress",
        [
            .used("type"), .used("domain"), .used("domainMin"),
            // They belong to plugins that are reached over a network.
            .withoutEffect("addr", "token", "timeout", "tls", because: "a memory plugin connects to nothing"),
        ])
}
