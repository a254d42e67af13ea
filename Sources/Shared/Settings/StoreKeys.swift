/// The keys of plugins that keep their entries in Redis, and of service discovery. A stock server reaches Redis through
/// plugin processes, whose flags these are (protocol ingress-sd-plugins §5.1); `tls` and `sentinel` are ours.
enum StoreKeys {
    /// Of every plugin of type `redis`.
    private static let rules: [KeyRule] = [
        .used("type"), .used("addr"), .used("db"), .used("username"), .used("password"), .used("tls"),
        .used("sentinel"), .used("expiration"),
        .missing("token", advice: "Redis knows users: write `username:` and `password:`"),
        .withoutEffect("timeout", because: "every command has a deadline of its own"),
    ]

    static let ingressPlugin = KeyTable(
        "the redis plugin of an ingress", rules + [.used("domain"), .used("domainMin")])

    static let discovery = KeyTable("an element of `sds`", [.used("name"), .used("plugin")])

    static let discoveryPlugin = KeyTable("the redis plugin of an element of `sds`", rules)

    static let tls = KeyTable(
        "`tls:` of a redis plugin",
        [.used("secure"), .used("serverName"), .used("caFile"), .used("certFile"), .used("keyFile")])

    static let sentinel = KeyTable(
        "`sentinel:` of a redis plugin", [.used("master"), .used("username"), .used("password")])
}
