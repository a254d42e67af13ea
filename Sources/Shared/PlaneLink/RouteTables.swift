internal import Model

/// The tables of one worker, mapped and looked up in place. What tunnels have claimed and the fixed rules change for
/// different reasons, in sizes that are nothing alike, so that each is replaced without the other.
///
/// No host is in both: where a fixed rule names a host, nobody else gets it.
package struct RouteTables: BitwiseCopyable {
    /// What tunnels have claimed; all routes, where the control plane makes no difference.
    package var claims: RouteSnapshotView?
    /// The fixed rules.
    package var rules: RouteSnapshotView?

    @_noLocks
    package init(claims: RouteSnapshotView? = nil, rules: RouteSnapshotView? = nil) {
        self.claims = claims
        self.rules = rules
    }

    /// The depths at which some wildcard stands.
    var depths: WildcardDepths {
        @_noLocks get {
            var depths = WildcardDepths()
            if let claims { depths.formUnion(claims.depths) }
            if let rules { depths.formUnion(rules.depths) }
            return depths
        }
    }

    /// The route of exactly this key. `claimed`: false where it is known that no tunnel claims the host.
    @_noLocks
    func lookup(_ key: RouteKey, claimed: Bool) -> Route? {
        guard let rules else { return claimed ? claims?.lookup(key) : nil }
        let hash = key.hash(seed: rules.seed)
        // Tunnels claim no wildcards, so that the walk to a host's parents is through the rules alone.
        if claimed, let claims, claims.count > 0, !key.isWildcard || !claims.depths.isEmpty {
            let own = claims.seed == rules.seed ? hash : key.hash(seed: claims.seed)
            if let route = claims.lookup(key, hash: own) { return route }
        }
        return rules.lookup(key, hash: hash)
    }
}
