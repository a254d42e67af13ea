internal import Model
internal import Primitives

/// What a store is asked next, within the bounds of what may be under way and of the budgets.
extension StoreLane {
    /// Something to be written.
    enum Write {
        case leave([Departure])
        case register([TunnelID], isNews: Bool)
        case claim([NameID])
    }

    /// Why something is read.
    enum ReadCause { case asked, changed, touched, swept, sampled }

    /// Takes what is written next: removals before registrations, both before renewals.
    mutating func takeWrite(now: Tick) -> Write? {
        guard isUp, writesUnderWay < ControlLimit.writesUnderWayMax else { return nil }
        let tunnelsMax = ControlLimit.tunnelsPerBatchMax, namesMax = ControlLimit.namesPerBatchMax
        if !departures.isEmpty { return .leave(departures.take(tunnelsMax)) }
        if !news.isEmpty { return .register(news.take(tunnelsMax), isNews: true) }
        if !lateNames.isEmpty { return .claim(lateNames.take(namesMax)) }
        if !lateTunnels.isEmpty { return .register(lateTunnels.take(tunnelsMax), isNews: false) }
        let renewed = tunnels.take(tunnelsMax, now: now)
        if !renewed.isEmpty { return .register(renewed, isNews: false) }
        let claimed = names.take(namesMax, now: now)
        return claimed.isEmpty ? nil : .claim(claimed)
    }

    /// Takes the names that are read next.
    mutating func takeNames(now: Tick) -> ([NameID], ReadCause)? {
        guard isUp, readsUnderWay < ControlLimit.readsUnderWayMax else { return nil }
        let most = ControlLimit.namesPerBatchMax
        if !askedNames.isEmpty { return (askedNames.take(most), .asked) }
        let touched = rereads.take(min(most, touchedNames.count), now: now)
        if touched > 0 { return (touchedNames.take(touched), .touched) }
        let swept = sweepReads.take(min(most, sweptNames.count), now: now)
        return swept > 0 ? (sweptNames.take(swept), .swept) : nil
    }

    /// Takes the tunnels that are read next: those that somebody waits for, those that have changed, all of them after a
    /// loss, then those that may have changed, and last some that are not mirrored.
    mutating func takeTunnels(now: Tick) -> ([TunnelID], ReadCause)? {
        guard isUp, readsUnderWay < ControlLimit.readsUnderWayMax else { return nil }
        let most = ControlLimit.tunnelsPerBatchMax
        if !askedTunnels.isEmpty { return (askedTunnels.take(most), .asked) }
        let changed = changeReads.take(min(most, changedTunnels.count), now: now)
        if changed > 0 { return (changedTunnels.take(changed), .changed) }
        let swept = sweepReads.take(min(most, sweptTunnels.count), now: now)
        if swept > 0 { return (sweptTunnels.take(swept), .swept) }
        let touched = rereads.take(min(most, touchedTunnels.count), now: now)
        if touched > 0 { return (touchedTunnels.take(touched), .touched) }
        let audited =
            hasStockNodes
            ? rereads.take(min(most, auditedTunnels.count), now: now)
            : audits.take(min(1, auditedTunnels.count), now: now)
        if audited > 0 { return (auditedTunnels.take(audited), .touched) }
        let sampled = samples.take(min(most, sampledTunnels.count), now: now)
        return sampled > 0 ? (sampledTunnels.take(sampled), .sampled) : nil
    }

    /// What was believed although a store that had just returned did not have it: now it had its time.
    mutating func judgeDoubtful(now: Tick) {
        guard !isReturning(at: now), !(doubtfulNames.isEmpty && doubtfulTunnels.isEmpty) else { return }
        for name in doubtfulNames.take(.max) { sweptNames.append(name) }
        for tunnel in doubtfulTunnels.take(.max) { sweptTunnels.append(tunnel) }
    }
}
