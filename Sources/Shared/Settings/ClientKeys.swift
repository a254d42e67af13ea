/// The keys of services that run in the client, and of the chains they dial through (protocol config §5–§6,
/// tunnel-client §2, §5, §8, transports §5).
enum ClientKeys {
    static let tunnelHandler = KeyTable(
        "an rtcp or rudp handler",
        ServerKeys.handlerRules + [
            .missing("chain", "chainGroup", advice: "the chain to the tunnel server stands under `listener:`")
        ])

    /// Metadata of GOST's forwarding handler. There is one target, and bytes pass as they are.
    static let tunnelMetadata = KeyTable(
        "the metadata of an rtcp or rudp handler",
        [
            .missing("proxyProtocol", advice: "remove it; the target sees the client's address"),
            .missing("idleTimeout", advice: "remove it; a stream lives as long as its two ends"),
            .missing("mitm.*", advice: "let the target speak TLS itself"),
            .withoutEffect("sniffing", "sniffing.*", because: "there is one target, and bytes pass as they are"),
            .withoutEffect("http.keepalive", because: "requests and answers pass as they are"),
            .withoutEffect("readTimeout", because: "the server bounds how long an answer may take"),
            .withoutEffect("skipauth", because: "no auther is in use"),
        ])

    static let tunnelListener = KeyTable(
        "an rtcp or rudp listener",
        ServerKeys.listenerRules + [
            .used("chain"), .missing("chainGroup", advice: "write `chain:` with the name of one chain"),
        ])

    static let tunnelListenerMetadata = KeyTable(
        "the metadata of an rtcp or rudp listener",
        [.withoutEffect("*", because: "the connection to the server is described by the chain's node")])

    static let forwarder = KeyTable(
        "a forwarder",
        [
            .used("nodes"), .missing("hop", "hopGroup", advice: "write the target under `nodes:`"),
            .withoutEffect("selector", because: "there is one target"),
            .withoutEffect("name", because: "nothing refers to it"),
        ])

    static let target = KeyTable(
        "a node of a forwarder",
        [
            .used("addr"), .used("network"), .withoutEffect("name", because: "nothing refers to it"),
            .missing(
                "filter", "matcher", "host", "protocol", "path",
                advice: "write one service, with its own tunnel id, for each target"),
            .missing(
                "http", "rewrite", "rewriteBody", "header", "auth",
                advice: "bytes pass as they are; change them at the target"),
            .missing("tls", advice: "expose the port that speaks without TLS, or let visitors speak it"),
            .missing("bypass", "bypasses", advice: "remove it"),
            .withoutEffect("probe", "metadata", because: "there is one target"),
        ])

    static let fileHandler = KeyTable(
        "a file handler",
        ServerKeys.handlerRules + [.withoutEffect("chain", "chainGroup", because: "files are read from this machine")])

    static let fileMetadata = KeyTable(
        "the metadata of a file handler",
        [
            .used("file.dir", "dir"), .missing("file.put", "put", advice: "files are only read; remove it"),
            .withoutEffect("skipauth", because: "no auther is in use"),
        ])

    static let fileListener = KeyTable(
        "the listener of a file service",
        ServerKeys.listenerRules + [.missing("chain", "chainGroup", advice: "listen at a local address instead")])

    static let chain = KeyTable(
        "a chain", [.used("name"), .used("hops"), .withoutEffect("metadata", because: "nothing reads it")])

    static let hop = KeyTable(
        "a hop",
        [
            .used("name"), .used("nodes"),
            .missing("bypass", "bypasses", advice: "a tunnel dials one server only; remove it"),
            .missing("resolver", "hosts", advice: "use the system's resolver (`/etc/hosts`)"),
            .missing("interface", "sockopts", "so_mark", "netns", advice: "use the system's routing"),
            .missing("proxyProtocol", advice: "remove it"),
            .missing("plugin", "file", "redis", "http", advice: "write the servers under `nodes:`"),
            .withoutEffect("reload", because: "nodes stand in this file"),
            .withoutEffect("selector", because: "servers are tried in turn, one that failed last"),
            .withoutEffect("metadata", because: "nothing reads it"),
        ])

    static let node = KeyTable(
        "a node of a hop",
        [
            .used("name"), .used("addr"), .used("connector"), .used("dialer"), .used("network"),
            .missing("bypass", "bypasses", "filter", "matcher", advice: "a tunnel dials one server only; remove it"),
            .missing("resolver", "hosts", advice: "use the system's resolver (`/etc/hosts`)"),
            .missing("interface", "sockopts", "so_mark", "netns", advice: "use the system's routing"),
            .missing("http", "tls", advice: "it belongs to targets; remove it"),
            .withoutEffect("metadata", because: "servers are tried in turn, one that failed last"),
        ])

    static let connector = KeyTable(
        "a connector",
        [
            .used("type"), .used("auth"), .used("metadata"), .missing("tls", advice: "GOST ignores it here; remove it"),
        ])

    static let auth = KeyTable(
        "`auth:`", [.used("username"), .used("password"), .missing("file", advice: "write the name and password here")])

    static let connectorMetadata = KeyTable(
        "the metadata of a tunnel connector",
        [
            .used("tunnel.id", "tunnelID"), .used("tunnel.weight"), .used("connections"), .used("mux.version"),
            .used("mux.type"), .used("mux.keepaliveInterval"), .used("mux.keepaliveTimeout"),
            .missing("mux.keepaliveDisabled", advice: "lengthen `mux.keepaliveTimeout` instead"),
            .withoutEffect(
                "mux.maxFrameSize", "mux.maxReceiveBuffer", "mux.maxStreamBuffer", "mux.maxStreamWindow",
                because: "windows follow what each stream needs"),
            .withoutEffect("connectTimeout", because: "a BIND and a CONNECT are bounded by 10 s"),
            .withoutEffect("record.mode", because: "nothing is recorded"),
        ])

    static let dialer = KeyTable(
        "a dialer",
        [
            .used("type"), .used("metadata"), .missing("auth", advice: "credentials stand under `connector:`"),
            .missing("tls", advice: "no carrier with TLS is available yet; use `ws` to a TLS proxy beside the client"),
        ])

    static let dialerMetadata = KeyTable(
        "the metadata of a dialer",
        [
            .used("ws.path", "path"), .used("ws.host", "host"),
            .missing("ws.header", "header", advice: "remove it; only `host` can be set"),
            .missing("secure", "servername", "tls.*", advice: "no carrier with TLS is available yet"),
            .withoutEffect(
                "ws.enableCompression", "enableCompression", because: "messages are never compressed"),
            .withoutEffect(
                "keepalive", "keepalive.*", "tcp.keepalive", "tcp.keepalive.*", "ws.keepalive", "ttl",
                because: "the session is kept alive by mux.keepaliveInterval"),
            .withoutEffect(
                "ws.handshakeTimeout", "handshakeTimeout", because: "a dial and its handshake are bounded by 10 s"),
            .withoutEffect(
                "ws.readBufferSize", "readBufferSize", "ws.writeBufferSize", "writeBufferSize",
                because: "buffers are the worker's"),
            .withoutEffect("mux.*", because: "the connector's mux keys are read"),
        ])
}
