import Foundation
import Model
import Settings

/// The tunnel ids that were made for people who named none: one for each server and target, in
/// `$XDG_STATE_HOME/culvert/tunnels`, so that the public name stays the same from one start to the next.
struct KeptTunnelIDs: Sendable {
    /// Made when the first id is.
    let directory: String
    /// 16 bytes that nobody can guess.
    let random: @Sendable () -> (high: UInt64, low: UInt64)

    /// An id could neither be read nor kept.
    struct Fault: Error, Equatable {
        var message: String
    }

    /// By the XDG base directory specification: `$XDG_STATE_HOME`, else `~/.local/state`.
    static func standardDirectory(environment: [String: String]) -> String {
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/culvert/tunnels" }
        return (environment["HOME"] ?? "/") + "/.local/state/culvert/tunnels"
    }

    /// The id of a target at a server: the kept one, or a new one that is kept from now on.
    func id(server: ServerAddress, target: TargetAddress) throws(Fault) -> TunnelID {
        let path = directory + "/" + KeptTunnelIDs.fileName(server: server, target: target)
        if let known = try read(path) { return known }
        if case .failure(let fault) = PrivateDirectory.make(directory) { throw Fault(message: fault.message) }
        let bytes = random()
        let made = TunnelID(randomHigh: bytes.high, randomLow: bytes.low)
        switch PrivateDirectory.write(made.text + "\n", to: path, replacing: false) {
        case .success(true): return made
        case .success(false):
            // Another process was faster; its id holds.
            if let known = try read(path) { return known }
            throw Fault(message: "\(path) appeared and went again; try once more")
        case .failure(let fault): throw Fault(message: fault.message)
        }
    }

    /// Gives every tunnel of a configuration that names no id the kept one.
    func complete(_ client: inout ClientConfiguration) throws(Fault) {
        for index in client.tunnels.indices where client.tunnels[index].tunnel.isZero {
            let tunnel = client.tunnels[index]
            client.tunnels[index].tunnel = try id(server: tunnel.servers[0], target: tunnel.target)
        }
    }

    private func read(_ path: String) throws(Fault) -> TunnelID? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let text = String(decoding: data.prefix(64), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let id = TunnelID(text), !id.isZero else {
            throw Fault(message: "\(path) holds no tunnel id; remove it, and a new one is made")
        }
        return id
    }

    /// Readable and without collisions: everything but letters, digits and dots is written as `%XX`.
    static func fileName(server: ServerAddress, target: TargetAddress) -> String {
        let service = target.path.isEmpty ? "\(escaped(target.host))%3A\(target.port)" : escaped(target.path)
        return "\(escaped(server.host))%3A\(server.port)-\(service)"
    }

    private static func escaped(_ text: String) -> String {
        text.lowercased().utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."):
                String(Unicode.Scalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}
