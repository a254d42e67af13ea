import Model
import Testing

@testable import Settings

/// Files of host rules: the same whatever the pieces they come in, and stopped by the first line that is no rule.
struct RuleTextReaderTests {
    private struct Rule: Equatable {
        var host: String
        var route: Route
    }

    private static let first = "381433e1-7980-11ee-bbdb-60f262c1e32d"
    private static let second = "00000000-0000-4000-8000-0000000000ff"

    private func tunnel(_ text: String) -> TunnelID { TunnelID(text)! }

    /// Reads the text in pieces that end at these places.
    private func read(_ text: String, cut places: [Int] = []) throws(RuleTextReader.Problem) -> [Rule] {
        let bytes = Array(text.utf8)
        var rules: [Rule] = []
        func take(_ host: UnsafeRawBufferPointer, _ route: Route) {
            rules.append(Rule(host: String(decoding: host, as: UTF8.self), route: route))
        }
        var reader = RuleTextReader()
        var start = 0
        for end in places + [bytes.count] {
            // A copy of its own: nothing may be read beyond a piece.
            let piece = Array(bytes[start..<end])
            let problem = piece.withUnsafeBytes { piece -> RuleTextReader.Problem? in
                do throws(RuleTextReader.Problem) {
                    try reader.read(piece, take)
                    return nil
                } catch {
                    return error
                }
            }
            if let problem { throw problem }
            start = end
        }
        try reader.finish(take)
        return rules
    }

    private static let text = """
        # hosts of the first

        www.Example.com \(first)
        \t*.example.org.\t\t$\(second)  # all names below it, private\r
        a_b.c-d {\(first)}
        .below.example urn:uuid:\(second)
        #last.example \(first)
        last.example \(first.uppercased().replacing("-", with: ""))
        """

    private var expected: [Rule] {
        let one = Route(tunnel: tunnel(Self.first), isPrivate: false)
        return [
            Rule(host: "www.example.com", route: one),
            Rule(host: ".example.org", route: Route(tunnel: tunnel(Self.second), isPrivate: true)),
            Rule(host: "a_b.c-d", route: one),
            Rule(host: ".below.example", route: Route(tunnel: tunnel(Self.second), isPrivate: false)),
            Rule(host: "last.example", route: one),
        ]
    }

    @Test func theRulesOfAText() throws {
        #expect(try read(Self.text) == expected)
        #expect(try read(Self.text + "\n") == expected)
        #expect(try read("").isEmpty)
        #expect(try read("\n\r\n \n#\n").isEmpty)
    }

    @Test func everyBorderBetweenPieces() throws {
        let count = Self.text.utf8.count
        for first in 0...count {
            #expect(try read(Self.text, cut: [first]) == expected, "cut at \(first)")
            #expect(try read(Self.text, cut: [first, min(first + 1, count)]) == expected, "a piece of one at \(first)")
        }
        #expect(try read(Self.text, cut: Array(0..<count)) == expected, "byte for byte")
    }

    @Test(arguments: [
        ("a.example", "is no rule"), ("a.example \(first) more", "is no rule"), ("a..b \(first)", "is no host"),
        ("* \(first)", "is no host"), ("a.example:80 \(first)", "is no host"),
        ("\u{E9}.example \(first)", "is no host"),
        ("\(String(repeating: "a", count: 64)).example \(first)", "is no host"),
        ("\(String(repeating: "ab.", count: 85))a \(first)", "is no host"),
        ("a.example \(first)0", "not a tunnel id"), ("a.example 381433e1", "not a tunnel id"),
        ("a.example $", "not a tunnel id"), ("a.example 381433e1-7980-11ee-bbdb-60f262c1e32g", "not a tunnel id"),
        ("a.example 00000000-0000-0000-0000-000000000000", "not a tunnel id"),
        ("a.example \(first)" + String(repeating: " ", count: 1_024), "longer than 1024 bytes"),
        ("#" + String(repeating: "x", count: 1_024), "longer than 1024 bytes"),
    ])
    func linesThatAreNoRule(line: String, message: String) throws {
        let text = "ok.example \(Self.first)\n\n\(line)\nnever.example \(Self.first)\n"
        for cut in [[], Array(stride(from: 7, to: text.utf8.count, by: 7))] {
            let problem = #expect(throws: RuleTextReader.Problem.self) { try read(text, cut: cut) }
            #expect(problem?.line == 3)
            #expect(problem?.message.contains(message) == true, "\(problem?.message ?? "")")
            #expect(problem?.message.contains("381433e1") == false, "an endpoint is a secret")
        }
    }

    @Test func aLineWithoutAnEndIsBounded() throws {
        let problem = #expect(throws: RuleTextReader.Problem.self) {
            try read(String(repeating: "a", count: 4_096), cut: Array(stride(from: 100, to: 4_096, by: 100)))
        }
        #expect(problem == RuleTextReader.Problem(line: 1, message: "is longer than 1024 bytes"))
        let longest = "a.example \(Self.first)" + String(repeating: " ", count: 1_024 - 46)
        #expect(try read(longest).count == 1)
        #expect(try read(longest + "\n" + longest).count == 2)
    }

    @Test func whatATerminalWouldFollowIsNotShown() throws {
        let problem = #expect(throws: RuleTextReader.Problem.self) { try read("\u{1B}[31m \(Self.first)") }
        #expect(problem?.message.hasPrefix("`?[31m` is no host") == true)
    }
}
