package import Model
import Primitives

/// The answer to a visitor whose request cannot be served: a small page that says what happened and what to do.
package struct HTTPRefusal: Sendable {
    /// One of 400, 404, 405, 408, 413, 421, 429, 431, 500, 501, 502, 503, 504, 505; anything else is written as 502.
    package var status: Int
    package var reason: Reason
    /// Whether the visitor's connection ends with this answer.
    package var closes: Bool
    /// Whether the request was a HEAD: the head is the same, the page is left out.
    package var isHeadOnly: Bool

    /// Longest refusal, head and page, in bytes.
    package static let bytesMax = 2_048

    package init(status: Int, reason: Reason, closes: Bool, isHeadOnly: Bool = false) {
        self.status = status
        self.reason = reason
        self.closes = closes
        self.isHeadOnly = isHeadOnly
    }

    /// The refusal of a request with a fault; what follows it on the connection cannot be understood, so it closes.
    package init(_ fault: HTTPFault) {
        self.init(status: fault.status, reason: fault.reason, closes: true)
    }

    /// Writes the answer; the number of bytes, or nil when `target` is too small (`bytesMax` always does).
    @_noLocks package func write(into target: UnsafeMutableRawBufferPointer) -> Int? {
        let known = HTTPRefusal.phrase(status) == nil ? 502 : status
        let phrase = HTTPRefusal.phrase(known) ?? "Bad Gateway"
        let advice = HTTPAdvice(status: known, reason: reason)
        // The page once for its length, then in its place behind the head.
        var measure = ByteWriter(target)
        HTTPRefusal.writePage(known, phrase, advice, to: &measure)
        var writer = ByteWriter(target)
        writer.text("HTTP/1.1 ")
        writer.decimal(UInt64(known))
        writer.byte(0x20)
        writer.text(phrase)
        writer.text("\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nCulvert-Reason: ")
        writer.text(reason.text)
        if known == 405 { writer.text("\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH") }
        writer.text(closes ? "\r\nConnection: close" : "\r\nConnection: keep-alive")
        writer.text("\r\nContent-Length: ")
        writer.decimal(UInt64(measure.count))
        writer.text("\r\n\r\n")
        if !isHeadOnly { HTTPRefusal.writePage(known, phrase, advice, to: &writer) }
        return writer.finished
    }

    @_noLocks private static func writePage(
        _ status: Int, _ phrase: StaticString, _ advice: HTTPAdvice, to writer: inout ByteWriter
    ) {
        writer.text("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
        writer.decimal(UInt64(status))
        writer.byte(0x20)
        writer.text(phrase)
        writer.text("</title></head>\n<body><h1>")
        writer.decimal(UInt64(status))
        writer.byte(0x20)
        writer.text(phrase)
        writer.text("</h1>\n<p>")
        writer.text(advice.happened)
        writer.text("</p>\n<p>")
        writer.text(advice.remedy)
        writer.text("</p>\n<hr><p>Culvert</p></body></html>\n")
    }

    @_noLocks private static func phrase(_ status: Int) -> StaticString? {
        switch status {
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: nil
        }
    }
}
