import Testing

@testable import Worker

/// What a repetition costs, and who pays for it.
@Suite struct RepetitionBudgetTests {
    @Test func requestsEarnTheirShare() {
        var budget = RepetitionBudget(saved: 0)
        let isFree = budget.spend()
        #expect(!isFree && !budget.isLeft)
        for _ in 0..<4 { budget.earn(percent: 20, savedMax: 10) }
        #expect(!budget.isLeft)
        budget.earn(percent: 20, savedMax: 10)
        let isPaid = budget.spend(), isPaidAgain = budget.spend()
        #expect(isPaid && !isPaidAgain)
    }

    /// Whatever came before: of a hundred requests each of which wants to be repeated, so many are.
    @Test(arguments: [0, 1, 20, 99, 100] as [UInt64])
    func aShareIsRepeated(percent: UInt64) {
        var budget = RepetitionBudget(saved: 3)
        while budget.spend() {}
        var repeated: UInt64 = 0
        for _ in 0..<100 {
            budget.earn(percent: percent, savedMax: 3)
            if budget.spend() { repeated += 1 }
        }
        #expect(repeated == percent)
    }

    /// Years of quiet do not pay for a storm.
    @Test func noMoreIsSavedThanTheLimit() {
        var budget = RepetitionBudget(saved: 100)
        for _ in 0..<10_000 { budget.earn(percent: 20, savedMax: 5) }
        var spent = 0
        while budget.spend() { spent += 1 }
        #expect(spent == 5)
    }
}
