internal import Model

/// One value with its key and place, and the ways to understand it. Each says what is wrong when it cannot.
struct Setting {
    /// The whole path: `services[0].addr`.
    let key: String
    let node: SettingNode

    var place: SettingPlace { node.place }

    func problem(_ message: String, findings: inout Findings) { findings.problem(place, key, message) }

    func text(findings: inout Findings) -> String? {
        guard case .scalar(let text) = node.content else {
            problem("expected a text", findings: &findings)
            return nil
        }
        return text
    }

    func flag(findings: inout Findings) -> Bool? {
        guard let text = text(findings: &findings) else { return nil }
        switch text.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0", "": return false
        default:
            problem("expected true or false", findings: &findings)
            return nil
        }
    }

    func integer(in range: ClosedRange<UInt64>, findings: inout Findings) -> UInt64? {
        guard let text = text(findings: &findings) else { return nil }
        guard let value = UInt64(text), range.contains(value) else {
            problem(
                "`\(text)` is not a whole number between \(range.lowerBound) and \(range.upperBound)",
                findings: &findings)
            return nil
        }
        return value
    }

    /// A duration of metadata: a number is in seconds, a text is a Go duration (protocol config, opening). Outside
    /// metadata, where GOST takes a number for nanoseconds, no duration is read.
    func metadataMilliseconds(findings: inout Findings) -> UInt64? {
        guard let text = text(findings: &findings) else { return nil }
        if let duration = GoDuration(text) ?? GoDuration(seconds: text) { return duration.milliseconds }
        problem("`\(text)` is not a duration: write seconds (`15`) or a unit (`15s`, `500ms`)", findings: &findings)
        return nil
    }

    /// How often a file is looked at. Outside metadata GOST takes a number for nanoseconds: here a unit has to stand.
    func reloadMilliseconds(findings: inout Findings) -> UInt64? {
        guard let text = text(findings: &findings), !node.isOff else { return nil }
        guard let duration = GoDuration(text) else {
            problem("`\(text)` is not a duration with a unit: write `10s`", findings: &findings)
            return nil
        }
        let range = Auther.reloadMillisecondsRange
        guard range.contains(duration.milliseconds) else {
            problem("must be between \(range.lowerBound) ms and \(range.upperBound) ms", findings: &findings)
            return nil
        }
        return duration.milliseconds
    }

    /// An address to listen at; an empty host is every address. A port is needed.
    func listenAddress(findings: inout Findings) -> ListenAddress? {
        guard let text = text(findings: &findings) else { return nil }
        guard let address = HostAndPort(text) else {
            problem("`\(text)` is no address: write `:8421` or `127.0.0.1:8421`", findings: &findings)
            return nil
        }
        return ListenAddress(host: address.host, port: address.port)
    }

    /// A UUID, whose text is not repeated in messages: it is a secret. `mayBePrivate`: a leading `$` is accepted and
    /// means nothing.
    func tunnelID(findings: inout Findings, mayBePrivate: Bool = false) -> TunnelID? {
        guard var text = text(findings: &findings) else { return nil }
        if mayBePrivate, text.hasPrefix("$") { text.removeFirst() }
        guard let tunnel = TunnelID(text), !tunnel.isZero else {
            problem(
                "is not a tunnel id: write a UUID such as 4f3c…-…, 36 characters (`uuidgen` makes one)",
                findings: &findings)
            return nil
        }
        return tunnel
    }
}
