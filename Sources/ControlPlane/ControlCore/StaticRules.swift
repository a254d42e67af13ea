package import Model

/// The fixed rules of one ingress, with GOST's order of look-up (protocol ingress-sd-plugins §2.2).
package struct StaticRules: Sendable {
    private let table: RuleTable
    private let ingress: IngressIndex

    /// Those of a node's rules that are this ingress's.
    package init(_ table: RuleTable, of ingress: IngressIndex) {
        self.table = table
        self.ingress = ingress
    }

    /// The rule for exactly this key.
    package subscript(host: String) -> Route? { table.rule(for: host, in: ingress) }

    /// The rule that a visitor of `host` would meet.
    package func resolve(_ host: String) -> Route? { table.resolve(host, in: ingress) }
}
