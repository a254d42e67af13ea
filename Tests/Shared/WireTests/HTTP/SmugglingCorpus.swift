import Testing

@testable import Wire

/// Requests and answers that two readers could understand differently, each with the fault it must be refused with.
/// None of them may ever be forwarded.
enum SmugglingCorpus {
    struct Request: Sendable, CustomTestStringConvertible {
        var name: String
        var text: String
        var fault: HTTPFault
        var testDescription: String { name }

        init(_ name: String, _ text: String, _ fault: HTTPFault) {
            (self.name, self.text, self.fault) = (name, text, fault)
        }
    }

    /// A POST with these field lines besides its Host.
    private static func post(_ fields: String) -> String { "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n" }

    static let requestLines: [Request] = [
        Request("two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        Request("two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .badVersion),
        Request("tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        Request("tab before the version", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Request("space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
        Request("space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .badVersion),
        Request("no version", "GET /\r\nHost: a\r\n\r\n", .badRequestLine),
        Request("space instead of a version", "GET / \r\nHost: a\r\n\r\n", .badVersion),
        Request("lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", .badVersion),
        Request("version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", .badVersion),
        Request("version without a dot", "GET / HTTP/11\r\nHost: a\r\n\r\n", .badVersion),
        Request("version with a sign", "GET / HTTP/+1.1\r\nHost: a\r\n\r\n", .badVersion),
        Request("version 0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", .versionNotSupported),
        Request("version 2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionNotSupported),
        Request("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionNotSupported),
        Request("bare line feed after the version", "GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed),
        Request("bare carriage return after the version", "GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn),
        Request("bare carriage return in the target", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        Request("NUL in the target", "GET /\u{0} HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Request("fragment in the target", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Request("method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        Request(
            "method that is too long", String(repeating: "A", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
        Request("target without a slash", "GET index HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Request("asterisk for another method", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Request("asterisk with a tail", "OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Request("unknown scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Request("absolute form without authority", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Request("user information in the authority", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        Request("tunnelling method", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", .methodNotAllowed),
        Request("three empty lines first", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        Request("bare line feed first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .badMethod),
        Request("bare carriage return first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareCarriageReturn),
    ]

    static let lines: [Request] = [
        Request("bare line feed after a field", post("A: b\nContent-Length: 3"), .bareLineFeed),
        Request("bare carriage return in a field", post("A: b\rContent-Length: 3"), .bareCarriageReturn),
        Request("bare line feed before the body", "POST / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
        Request("CR CR LF at the end", "POST / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n", .bareCarriageReturn),
        Request("folded field", post("A: b\r\n c"), .foldedField),
        Request("folded by a tab", post("A:\r\n\tTransfer-Encoding: chunked"), .foldedField),
        Request("space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedField),
        Request("space before a colon", post("Content-Length : 3"), .spaceBeforeColon),
        Request("tab before a colon", post("Transfer-Encoding\t: chunked"), .spaceBeforeColon),
        Request("line without a colon", post("Content-Length"), .noColon),
        Request("empty name", post(": b"), .badFieldName),
        Request("NUL in a name", post("Content\u{0}Length: 3"), .badFieldName),
        Request("quote in a name", post("\"Content-Length\": 3"), .badFieldName),
        Request("byte above 0x7F in a name", post("Contént: 3"), .badFieldName),
        Request("NUL in a value", post("A: b\u{0}c"), .badFieldValue),
        Request("vertical tab in a value", post("Transfer-Encoding: \u{B}chunked"), .badFieldValue),
        Request("form feed in a value", post("Content-Length: \u{C}3"), .badFieldValue),
        Request("delete in a value", post("A: \u{7F}"), .badFieldValue),
        Request("escape in a value", post("A: \u{1B}[0m"), .badFieldValue),
    ]

    static let hosts: [Request] = [
        Request("no Host", "GET / HTTP/1.1\r\n\r\n", .missingHost),
        Request("no Host beside an absolute target", "GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
        Request("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", .missingHost),
        Request("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .severalHosts),
        Request("the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .severalHosts),
        Request("list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .badHost),
        Request("space in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badHost),
        Request("path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .badHost),
        Request("user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .badHost),
        Request("port that is no number", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", .badHost),
        Request("port above 65535", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .badHost),
        Request("IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", .badHost),
        Request("bad Host beside an absolute target", "GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n", .badHost),
    ]

    static let framing: [Request] = [
        Request("length and chunked", post("Content-Length: 4\r\nTransfer-Encoding: chunked"), .lengthAndCoding),
        Request("chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 4"), .lengthAndCoding),
        Request(
            "length 0 and chunked", post("Content-Length: 0\r\nTransfer-Encoding: chunked"), .lengthAndCoding),
        Request("two lengths", post("Content-Length: 3\r\nContent-Length: 5"), .severalContentLengths),
        Request("the same length twice", post("Content-Length: 3\r\nContent-Length: 3"), .severalContentLengths),
        Request("list of lengths", post("Content-Length: 3, 3"), .badContentLength),
        Request("length with a plus", post("Content-Length: +3"), .badContentLength),
        Request("length with a minus", post("Content-Length: -1"), .badContentLength),
        Request("hexadecimal length", post("Content-Length: 0x3"), .badContentLength),
        Request("length with a fraction", post("Content-Length: 3.0"), .badContentLength),
        Request("length with an inner space", post("Content-Length: 3 3"), .badContentLength),
        Request("length with an underscore", post("Content-Length: 1_0"), .badContentLength),
        Request("empty length", post("Content-Length: "), .badContentLength),
        Request("quoted length", post("Content-Length: \"3\""), .badContentLength),
        Request("length above 2^63", post("Content-Length: 9223372036854775808"), .badContentLength),
        Request("length above 2^64", post("Content-Length: 18446744073709551619"), .badContentLength),
        Request("length of many digits", post("Content-Length: 00000000000000000003"), .badContentLength),
        Request("digits of another script", post("Content-Length: ３"), .badContentLength),
        Request(
            "two codings in two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
            .severalCodingFields),
        Request(
            "chunked in two lines", post("Transfer-Encoding: chunked\r\ntransfer-encoding: chunked"),
            .severalCodingFields),
        Request("chunked twice", post("Transfer-Encoding: chunked, chunked"), .badTransferCoding),
        Request("chunked not last", post("Transfer-Encoding: chunked, gzip"), .badTransferCoding),
        Request("chunked with a parameter", post("Transfer-Encoding: chunked;q=1"), .badTransferCoding),
        Request("chunked with a comma", post("Transfer-Encoding: chunked,"), .badTransferCoding),
        Request("comma and chunked", post("Transfer-Encoding: ,chunked"), .badTransferCoding),
        Request("empty coding", post("Transfer-Encoding:"), .badTransferCoding),
        Request("quoted chunked", post("Transfer-Encoding: \"chunked\""), .badTransferCoding),
        Request("bracketed chunked", post("Transfer-Encoding: [chunked]"), .badTransferCoding),
        Request("identity", post("Transfer-Encoding: identity"), .unknownTransferCoding),
        Request("a coding like chunked", post("Transfer-Encoding: xchunked"), .unknownTransferCoding),
        Request("gzip and chunked", post("Transfer-Encoding: gzip, chunked"), .unknownTransferCoding),
        Request("chunked by a long s", post("Transfer-Encoding: chunKed\u{17F}"), .badTransferCoding),
        Request(
            "coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .codingInHTTP10),
        Request(
            "Connection names the length", post("Connection: content-length\r\nContent-Length: 3"), .framingFieldNamed),
        Request(
            "Connection names the coding", post("Transfer-Encoding: chunked\r\nConnection: x, Transfer-Encoding"),
            .framingFieldNamed),
        Request("Connection names the host", post("Connection: close, host"), .framingFieldNamed),
        Request("Connection with a space in an option", post("Connection: keep alive"), .badFieldValue),
    ]

    static var requests: [Request] { requestLines + lines + hosts + framing }

    /// Answers, each to a GET that asked for no upgrade unless the name says so.
    static let answers: [Request] = [
        Request("lower-case version", "http/1.1 200 OK\r\n\r\n", .badStatusLine),
        Request("version 2", "HTTP/2.0 200 OK\r\n\r\n", .versionNotSupported),
        Request("version of two digits", "HTTP/1.10 200 OK\r\n\r\n", .badStatusLine),
        Request("two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n", .badStatusLine),
        Request("status of two digits", "HTTP/1.1 20 OK\r\n\r\n", .badStatusLine),
        Request("status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine),
        Request("status below 100", "HTTP/1.1 099 OK\r\n\r\n", .badStatusLine),
        Request("status with a sign", "HTTP/1.1 +20 OK\r\n\r\n", .badStatusLine),
        Request("NUL in the reason", "HTTP/1.1 200 O\u{0}K\r\n\r\n", .badStatusLine),
        Request("bare line feed after the reason", "HTTP/1.1 200 OK\nA: b\r\n\r\n", .bareLineFeed),
        Request("bare carriage return in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", .bareCarriageReturn),
        Request("not HTTP", "SSH-2.0-OpenSSH_9.6 something\r\n", .badStatusLine),
        Request("length and chunked", answer("Content-Length: 4\r\nTransfer-Encoding: chunked"), .lengthAndCoding),
        Request("two lengths", answer("Content-Length: 4\r\nContent-Length: 5"), .severalContentLengths),
        Request("length with a plus", answer("Content-Length: +4"), .badContentLength),
        Request("list of lengths", answer("Content-Length: 4, 4"), .badContentLength),
        Request("unknown coding", answer("Transfer-Encoding: gzip"), .unknownTransferCoding),
        Request("chunked not last", answer("Transfer-Encoding: chunked, gzip"), .badTransferCoding),
        Request(
            "two coding lines", answer("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            .severalCodingFields),
        Request("coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .codingInHTTP10),
        Request("folded field", answer("A: b\r\n c"), .foldedField),
        Request("space before a colon", answer("Content-Length : 4"), .spaceBeforeColon),
        Request("bare line feed in the head", answer("A: b\nContent-Length: 4"), .bareLineFeed),
        Request(
            "chunked without content", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", .bodyNotAllowed),
        Request("length without content", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n", .bodyNotAllowed),
        Request("length in an interim answer", "HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\n", .bodyNotAllowed),
        Request(
            "protocol switched without being asked",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", .upgradeNotAsked),
        Request(
            "Connection names the length", answer("Connection: content-length\r\nContent-Length: 4"), .framingFieldNamed
        ),
    ]

    private static func answer(_ fields: String) -> String { "HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n" }

    /// Chunked bodies.
    static let bodies: [Request] = [
        Request("size with a sign", "+5\r\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("space before the size", " 5\r\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("space after the size", "5 \r\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("space before an extension", "5 ;a\r\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("no size", "\r\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("no size but an extension", ";a\r\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("underscore in the size", "1_0\r\n", .badChunkSize),
        Request("bare line feed after the size", "5\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("bare carriage return after the size", "5\rhello\r\n0\r\n\r\n", .bareCarriageReturn),
        Request("line feed in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("NUL in an extension", "5;\u{0}\r\nhello\r\n0\r\n\r\n", .badChunkSize),
        Request("size above 2^63", "8000000000000000\r\n", .chunkTooLarge),
        Request("size above 2^64", "10000000000000005\r\n", .chunkTooLarge),
        Request("size of many digits", "00000000000000005\r\nhello\r\n0\r\n\r\n", .chunkTooLarge),
        Request("long extension", "5;" + String(repeating: "a", count: 257) + "\r\n", .chunkExtensionTooLong),
        Request("data longer than the size", "5\r\nhello!\r\n0\r\n\r\n", .badChunkEnd),
        Request("line feed alone after data", "5\r\nhello\n0\r\n\r\n", .badChunkEnd),
        Request("carriage return alone after data", "5\r\nhello\r0\r\n\r\n", .badChunkEnd),
        Request("trailer without a colon", "0\r\nabc\r\n\r\n", .badTrailer),
        Request("folded trailer", "0\r\nA: b\r\n c\r\n\r\n", .badTrailer),
        Request("space in a trailer's name", "0\r\nA : b\r\n\r\n", .badTrailer),
        Request("NUL in a trailer", "0\r\nA: \u{0}\r\n\r\n", .badTrailer),
        Request("line feed alone after a trailer", "0\r\nA: b\n\r\n", .badTrailer),
        Request("line feed alone at the end", "0\r\n\n", .badTrailer),
        Request("carriage return alone at the end", "0\r\n\rG", .badTrailer),
        Request("long trailers", "0\r\nA: " + String(repeating: "a", count: 8_192) + "\r\n\r\n", .trailerTooLong),
    ]
}
