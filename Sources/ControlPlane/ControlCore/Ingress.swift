package import Model
internal import Primitives
package import Settings
internal import Wire

/// One ingress as the control plane keeps it: fixed rules, and the hosts that bound tunnels hold.
///
/// A dynamic host has exactly one owner. Fixed rules come first: a host with a rule of its own is nobody's to claim.
package struct Ingress: Sendable {
    /// What becomes of a client's wish for a host.
    package enum Wish: Equatable, Sendable {
        /// No host, or the tunnel's own generated one.
        case generated
        /// These hosts have to be free or the tunnel's; then the wish is granted as it was written.
        case custom([String])
        /// A fixed rule gives the host to this tunnel already.
        case fixed
        /// The host is not to be had, for this reason, whoever asks.
        case refused(ClaimRefusal)
    }

    package let index: IngressIndex
    package let name: String
    package internal(set) var rules: StaticRules
    package let dynamic: DynamicIngress?
    /// Host → owner.
    package internal(set) var owners: [String: TunnelID] = [:]
    /// Hosts of other nodes' tunnels → route, where no tunnel of this node owns them.
    package internal(set) var mirrored: [String: Route] = [:]

    /// An ingress as configured, with its part of the node's rules.
    package init(index: IngressIndex, table: IngressTable, rules: RuleTable) {
        self.index = index
        name = table.name
        self.rules = StaticRules(rules, of: index)
        dynamic = table.dynamic
    }

    /// The generated hosts of a tunnel: its endpoint label below each domain.
    package func generatedHosts(_ tunnel: TunnelID) -> [String] {
        guard let dynamic else { return [] }
        let label = Endpoint.label(of: tunnel).string
        return dynamic.domains.map { "\(label).\($0)" }
    }

    /// Whether the rules leave a tunnel a host that it holds: a rule for exactly this host never does, and one for all names
    /// below a host leaves it only its generated ones.
    package func leaves(_ host: String, to tunnel: TunnelID) -> Bool {
        guard rules[host] == nil else { return false }
        guard let route = rules.resolve(host), route != Route(tunnel: tunnel, isPrivate: false) else { return true }
        return generatedHosts(tunnel).contains(host)
    }

    /// Whether a label looks like a generated one: such names are never given to anyone but their tunnel.
    private static func isGeneratedForm(_ label: Substring) -> Bool {
        label.utf8.count == 16 && label.utf8.allSatisfy { $0 >= 48 && $0 <= 57 || $0 >= 97 && $0 <= 102 }
    }

    /// Judges what a tunnel asks for (protocol relay §6). `host` is nil when nothing was asked for.
    package func judge(_ host: HostName?, for tunnel: TunnelID) -> Wish {
        guard let host else { return .generated }
        let label = Endpoint.label(of: tunnel).string
        if host.text == label { return .generated }
        guard let dynamic else {
            let route = rules.resolve(host.text)
            if route == Route(tunnel: tunnel, isPrivate: false) { return .fixed }
            return .refused(route == nil ? .notDynamic : .fixedRule)
        }
        let hosts: [String]
        let firstLabel: Substring
        let below = dynamic.domains.lazy.compactMap { host.label(below: $0) }.first
        if let below {
            // In a domain: reachable there, under exactly this name.
            firstLabel = below
            hosts = [host.text]
        } else if !host.hasDot {
            // A bare label: reachable below every domain.
            firstLabel = host.text[...]
            hosts = dynamic.domains.map { "\(host.text).\($0)" }
        } else {
            firstLabel = host.text[...]
            hosts = [host.text]
        }
        if dynamic.domains.contains(host.text) { return .refused(.domainItself) }
        if Ingress.isGeneratedForm(firstLabel), firstLabel != label { return .refused(.generatedForm) }
        if firstLabel.utf8.count < dynamic.labelBytesMin { return .refused(.tooShort) }
        var isFixed = true
        for host in hosts {
            guard let route = rules.resolve(host) else {
                isFixed = false
                continue
            }
            guard route == Route(tunnel: tunnel, isPrivate: false) else { return .refused(.fixedRule) }
        }
        return isFixed ? .fixed : .custom(hosts)
    }
}

/// Why a tunnel did not get the host it asked for; it gets its generated one instead.
package enum ClaimRefusal: String, CaseIterable, Sendable {
    /// Another tunnel holds it.
    case taken
    /// A fixed rule gives it to another tunnel, or keeps it private.
    case fixedRule = "fixed_rule"
    /// The ingress has no dynamic part.
    case notDynamic = "not_dynamic"
    /// It is one of the domains themselves.
    case domainItself = "domain_itself"
    /// It looks like the generated label of another tunnel.
    case generatedForm = "generated_form"
    /// Its label is shorter than `domainMin`.
    case tooShort = "too_short"
    /// The tunnel holds `ControlLimit.hostsPerTunnelMax` hosts.
    case tooMany = "too_many"
}
