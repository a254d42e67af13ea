/// The keys of services that lead local visitors to a tunnel (protocol tunnel-client §6, §7).
enum VisitorKeys {
    static let handler = KeyTable(
        "a tcp or udp handler",
        ServerKeys.handlerRules + [
            .used("chain"), .missing("chainGroup", advice: "write `chain:` with the name of one chain"),
        ])

    static let handlerMetadata = KeyTable(
        "the metadata of a tcp or udp handler",
        [
            .missing("proxyProtocol", advice: "remove it; the tunnel's header names the visitor"),
            .missing("sniffing", advice: "name the host in the service: `tcp://:8000/service.host`"),
            .withoutEffect("sniffing.*", "http.keepalive", because: "bytes pass as they are"),
            .withoutEffect("readTimeout", "idleTimeout", because: "a conversation lives as long as its two ends"),
            .withoutEffect("skipauth", because: "no auther is in use"),
        ])

    static let listener = KeyTable(
        "a tcp or udp listener",
        ServerKeys.listenerRules + [
            .missing("chain", "chainGroup", advice: "the chain to the tunnel server stands under `handler:`")
        ])

    static let datagramMetadata = KeyTable(
        "the metadata of a udp listener",
        [
            .used("keepalive"), .used("ttl"), .used("udp.bufferSize", "readBufferSize"), .used("backlog"),
            .withoutEffect(
                "readQueueSize", "udp.queueSize",
                because: "see `datagramQueueBytesMax` for what a sender may have waiting"),
            .missing("stateless", advice: "write `keepalive=false`, which ends with the first answer"),
            .missing("proxyProtocol", advice: "remove it"),
        ])

    static let destination = KeyTable(
        "a node of a visitor's forwarder",
        [
            .used("addr"), .withoutEffect("name", because: "nothing refers to it"),
            .withoutEffect("network", because: "the service's type says it"),
            .missing("filter", "matcher", "http", "tls", advice: "the server chooses where the host leads; remove it"),
        ])
}
