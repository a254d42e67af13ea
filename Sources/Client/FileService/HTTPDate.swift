/// A date as fields of HTTP carry it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7), whole seconds.
struct HTTPDate: Equatable, Comparable {
    var secondsSince1970: Int64

    private static let dayNames = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    init(secondsSince1970: Int64) { self.secondsSince1970 = secondsSince1970 }

    /// Nil for the obsolete forms and anything else: the condition is then ignored.
    init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard text.utf8.count == 29, words.count == 6, words[0].hasSuffix(","), words[5] == "GMT",
            HTTPDate.dayNames.contains(String(words[0].dropLast())),
            let day = HTTPDate.number(words[1], digits: 2, in: 1...31),
            let month = HTTPDate.monthNames.firstIndex(of: String(words[2])),
            let year = HTTPDate.number(words[3], digits: 4, in: 0...9_999)
        else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false)
        guard clock.count == 3, let hour = HTTPDate.number(clock[0], digits: 2, in: 0...23),
            let minute = HTTPDate.number(clock[1], digits: 2, in: 0...59),
            let second = HTTPDate.number(clock[2], digits: 2, in: 0...60)
        else { return nil }
        let days = HTTPDate.days(year: year, month: Int64(month) + 1, day: day)
        secondsSince1970 = days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    var text: String {
        let days = secondsSince1970 >= 0 ? secondsSince1970 / 86_400 : (secondsSince1970 - 86_399) / 86_400
        let second = secondsSince1970 - days * 86_400
        let date = HTTPDate.date(days: days)
        let dayName = HTTPDate.dayNames[Int(((days % 7) + 7) % 7)]
        let clock = [second / 3_600, second / 60 % 60, second % 60].map { HTTPDate.padded($0, to: 2) }
        return "\(dayName), \(HTTPDate.padded(date.day, to: 2)) \(HTTPDate.monthNames[Int(date.month) - 1]) "
            + "\(HTTPDate.padded(date.year, to: 4)) \(clock.joined(separator: ":")) GMT"
    }

    static func < (left: HTTPDate, right: HTTPDate) -> Bool { left.secondsSince1970 < right.secondsSince1970 }

    // The Gregorian calendar in eras of 400 years (146,097 days) that begin on the first of March, so that the leap day
    // is the last of its year. 719,468 days lie between 0000-03-01 and 1970-01-01.

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func number(_ text: Substring, digits: Int, in range: ClosedRange<Int64>) -> Int64? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int64(text),
            range.contains(value)
        else { return nil }
        return value
    }

    private static func padded(_ number: Int64, to digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
