/// The keys at the top of a configuration and of its node-wide sections (protocol config §1, §7–§9).
enum NodeKeys {
    static let top = KeyTable(
        "the top of a configuration",
        [
            .used("services"), .used("chains"), .used("hops"), .used("ingresses"), .used("sds"), .used("authers"),
            .used("log"), .used("metrics"), .used("api"), .used("culvert"),
            // Definitions act only through references, and every reference to one of these stops the start.
            .withoutEffect(
                "admissions", "bypasses", "limiters", "quotas", "climiters", "rlimiters", "resolvers", "hosts",
                because: "nothing refers to it"),
            .withoutEffect("routers", "rewriters", "caches", because: "no service here uses it"),
            .withoutEffect("observers", "recorders", because: "live state is at metrics.addr: /metrics and /dump"),
            .withoutEffect("loggers", because: "every process logs to stderr"),
            .withoutEffect("tls", because: "no carrier with TLS is available yet"),
            .withoutEffect("profiling", because: "there is nothing of Go to profile"),
        ])

    /// Our own keys, which a stock `gost` ignores.
    static let culvert = KeyTable(
        "`culvert:`",
        [
            .used("node"), .used("limits"), .used("workers"), .used("io"),
            .used("trustedProxies"), .used("peers"),
        ])

    /// How other data planes are linked with.
    static let peers = KeyTable(
        "`peers:`", [.used("addr"), .used("advertisedHost"), .used("secret"), .used("secretFile")])

    static let log = KeyTable(
        "`log:`",
        [
            .used("level"),
            .withoutEffect("format", because: "lines are JSON, and text on a terminal"),
            .withoutEffect("output", "rotation", because: "every process logs to stderr"),
        ])

    static let metrics = KeyTable(
        "`metrics:`",
        [
            .used("addr"), .used("path"),
            .missing("auth", "auther", advice: "bind `addr` to a private address instead, as `127.0.0.1:9000`"),
        ])

    static let api = KeyTable(
        "`api:`",
        [
            .used("addr"),
            .missing("auth", "auther", advice: "bind `addr` to a private address instead, as `127.0.0.1:18080`"),
            .missing("pathPrefix", advice: "remove it; the paths begin at `/`"),
            .withoutEffect("accesslog", because: "requests to it are not logged"),
        ])
}
