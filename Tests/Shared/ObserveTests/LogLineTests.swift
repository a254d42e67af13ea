import Model
import Observe
import Primitives
import Testing

/// Log lines: one JSON object per line, whatever strangers put into the values; readable text on a terminal.
struct LogLineTests {
    private let time = WallTime(seconds: 1_700_000_000, nanoseconds: 123_999_999)

    @Test func oneObjectPerLine() {
        var line = LogLine(.json, at: time, .warning, "bind refused", node: "n", plane: "data-0")
        line.put("host", "a\"\\\n\r\t\u{1}\u{85}é")
        line.put("count", 7)
        line.put("alone", true)
        line.put("reason", Reason.noRoute)
        line.put("label", InlineText("x")!)
        let expected =
            #"{"time":"2023-11-14T22:13:20.123Z","level":"warning","msg":"bind refused","node":"n","plane":"#
            + #""data-0","host":"a\"\\\n\r\t\u0001\u0085é","count":7,"alone":true,"reason":"no_route","label":"x"}"#
        #expect(String(decoding: line.finish(), as: UTF8.self) == expected + "\n")
    }

    @Test func textForPeople() {
        var line = LogLine(.text, at: time, .info, "listening\u{1B}[2J", node: "n", plane: "control")
        line.put("address", ":8080")
        line.put("empty", "")
        line.put("words", "two words")
        #expect(
            String(decoding: line.finish(), as: UTF8.self)
                == "22:13:20.123 info    listening?[2J address=:8080 empty=\"\" words=\"two words\"\n")
    }

    @Test func aLineIsBounded() {
        var line = LogLine(.json, at: time, .info, "m", node: "n", plane: "p")
        line.put("long", String(repeating: "\u{1}", count: 100_000))
        line.put("after", 1)
        let bytes = line.finish()
        #expect(bytes.count < LogLine.bytesMax + 64)
        #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("\",\"after\":1}\n"))
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_782_399, "2000-02-28T23:59:59.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"), (951_868_800, "2000-03-01T00:00:00.000Z"),
        (4_107_542_399, "2100-02-28T23:59:59.000Z"), (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.000Z"), (1_735_689_599, "2024-12-31T23:59:59.000Z"),
    ])
    func dates(seconds: Int64, text: String) {
        var bytes: [UInt8] = []
        WallTime(seconds: seconds, nanoseconds: 0).append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }
}
