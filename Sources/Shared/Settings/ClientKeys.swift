/// The keys of services that run in the client, and of the chains they dial through (protocol config §5–§6,
/// tunnel-client §2, §5, §8, transports §5).
enum ClientKeys {
    static let tunnelHandler = KeyTable(
        "an rtcp or rudp handler",
        ServerKeys.handlerRules + [
            .missing("chain", "chainGroup", advice: "the chain to the tunnel server stands under `listener:`")
        ])

    /// Metadata of GOST's forwarding handler. Bytes pass as they are.
    static let tunnelMetadata = KeyTable(
        "the metadata of an rtcp or rudp handler",
        [
            .used("proxyProtocol"),
            .missing("idleTimeout", advice: "remove it; a stream lives as long as its two ends"),
            .missing("mitm.*", advice: "let the target speak TLS itself"),
            .withoutEffect(
                "sniffing", "sniffing.*", because: "the server says which host is meant, and bytes pass as they are"),
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
            .used("nodes"), .used("selector"),
            .missing("hop", "hopGroup", advice: "write the targets under `nodes:`"),
            .withoutEffect("name", because: "nothing refers to it"),
        ])

    static let target = KeyTable(
        "a node of a forwarder",
        [
            .used("addr"), .used("network"), .used("filter"), .used("host"), .used("metadata"),
            .withoutEffect("name", because: "nothing refers to it"),
            .missing(
                "matcher", "protocol", "path",
                advice: "write `filter: {host: …}`, or one service, with its own tunnel id, for each target"),
            .missing(
                "http", "rewrite", "rewriteBody", "header", "auth",
                advice: "bytes pass as they are; change them at the target"),
            .missing("tls", advice: "expose the port that speaks without TLS, or let visitors speak it"),
            .missing("bypass", "bypasses", advice: "remove it"),
            .withoutEffect("probe", because: "a target that fails is left alone for a while"),
        ])

    static let filter = KeyTable(
        "`filter:`",
        [
            .used("host"),
            .missing("protocol", "path", advice: "only `host` can be filtered; let the target look at the rest"),
        ])

    /// Of hops and forwarders.
    static let selector = KeyTable(
        "`selector:`", [.used("strategy"), .used("maxFails"), .used("failTimeout")])

    /// Of the nodes of hops and forwarders.
    static let nodeMetadata = KeyTable(
        "the metadata of a node", [.used("weight"), .used("backup"), .used("maxFails"), .used("failTimeout")])

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
            .used("name"), .used("nodes"), .used("selector"),
            .missing("bypass", "bypasses", advice: "a tunnel dials one server only; remove it"),
            .missing("resolver", "hosts", advice: "use the system's resolver (`/etc/hosts`)"),
            .missing("interface", "sockopts", "so_mark", "netns", advice: "use the system's routing"),
            .missing("proxyProtocol", advice: "remove it"),
            .missing("plugin", "file", "redis", "http", advice: "write the servers under `nodes:`"),
            .withoutEffect("reload", because: "nodes stand in this file"),
            .withoutEffect("metadata", because: "nothing reads it"),
        ])

    static let node = KeyTable(
        "a node of a hop",
        [
            .used("name"), .used("addr"), .used("connector"), .used("dialer"), .used("network"), .used("metadata"),
            .missing("bypass", "bypasses", "filter", "matcher", advice: "a tunnel dials one server only; remove it"),
            .missing("resolver", "hosts", advice: "use the system's resolver (`/etc/hosts`)"),
            .missing("interface", "sockopts", "so_mark", "netns", advice: "use the system's routing"),
            .missing("http", "tls", advice: "it belongs to targets; remove it"),
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
            .used("ws.path", "path"), .used("ws.host", "host"), .used("ws.header", "header"),
            .used("ws.handshakeTimeout", "handshakeTimeout"),
            // On a tcp dialer they belong to the kernel's keep-alive, which the session's own makes superfluous.
            .used("ws.keepalive", "keepalive"), .used("keepalive.interval", "ttl"),
            .missing("secure", "servername", "tls.*", advice: "no carrier with TLS is available yet"),
            .withoutEffect(
                "ws.enableCompression", "enableCompression", because: "messages are never compressed"),
            .withoutEffect(
                "keepalive.idle", "keepalive.count", "tcp.keepalive", "tcp.keepalive.*",
                because: "the session is kept alive by mux.keepaliveInterval"),
            .withoutEffect(
                "ws.readBufferSize", "readBufferSize", "ws.writeBufferSize", "writeBufferSize",
                because: "buffers are the worker's"),
            .withoutEffect("mux.*", because: "the connector's mux keys are read"),
        ])
}
