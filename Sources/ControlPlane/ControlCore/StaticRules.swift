package import Model
package import Settings

/// The fixed rules of one ingress, with GOST's order of look-up (protocol ingress-sd-plugins §2.2).
package struct StaticRules: Sendable {
    package private(set) var routes: [String: Route] = [:]
    private let hasWildcards: Bool

    /// Later rules for a host replace earlier ones (protocol ingress-sd-plugins §2.1).
    package init(_ rules: [IngressRule]) {
        routes.reserveCapacity(rules.count)
        for rule in rules { routes[rule.host] = rule.route }
        hasWildcards = rules.contains { $0.host.hasPrefix(".") }
    }

    /// The rule for exactly this key.
    package subscript(host: String) -> Route? { routes[host] }

    /// The rule that a visitor of `host` would meet.
    package func resolve(_ host: String) -> Route? {
        if let route = routes[host] { return route }
        guard hasWildcards else { return nil }
        if let route = routes["." + host] { return route }
        for index in host.indices where host[index] == "." {
            if let route = routes[String(host[index...])] { return route }
        }
        return nil
    }
}
