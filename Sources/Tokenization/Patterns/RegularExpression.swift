/// A regular expression of the subset of Oniguruma's syntax that published tokenizers use: classes with `&&` and
/// nested sets, properties, groups, greedy, lazy and possessive quantifiers, look-ahead, look-behind of one scalar,
/// `(?i:…)` of ASCII, anchors. A backtracking matcher: slower than `WordScanner`, and right for any such pattern.
///
/// What the parser makes of a pattern is a list of steps; a match is a walk through them with a stack of places to
/// return to, so that no text, however long, can exhaust the thread's own stack.
struct RegularExpression: Sendable, Equatable {
    enum Step: Sendable, Equatable {
        /// One scalar of a set.
        case scalar(ScalarSet)
        /// As many scalars as possible, or as few; giving back, or not.
        case run(ScalarSet, atLeast: Int, atMost: Int, Greed)
        /// Goes on at `first`, and if that fails at `second`.
        case either(Int, Int)
        case jump(Int)
        /// Goes on after `end` if the steps up to there match, or don't, without taking anything.
        case look(end: Int, isNegated: Bool)
        /// Takes what the steps up to `end` match first, never trying another way.
        case atomic(end: Int)
        /// Whether a scalar of a set stands before this place.
        case behind(ScalarSet, isNegated: Bool)
        case anchor(Anchor)
        /// The end of the whole, or of what a `look` or an `atomic` holds.
        case accept
    }

    enum Greed: Sendable { case greedy, lazy, possessive }

    enum Anchor: Sendable { case textStart, textEnd, beforeLastNewline, lineStart, lineEnd, wordEdge, notWordEdge }

    let steps: [Step]

    static let supported =
        "classes, \\p{…} of general categories and Han, groups, quantifiers, look-ahead, look-behind of one character, "
        + "(?i:…) of ASCII, anchors"

    /// The end of the match that starts at a place of a text; nil if there is none.
    func matchEnd(in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, from start: Int) -> Int? {
        var walk = Walk(text: text, range: range)
        return steps.withUnsafeBufferPointer { walk.end(of: $0, at: 0, from: start) }
    }

    /// One attempt to match.
    private struct Walk {
        package let text: UnsafeBufferPointer<UInt8>
        let range: Range<Int>

        /// Where to go on when the present way fails: at `step` from `place`. A greedy run gives its scalars back one by
        /// one down to `limit`; a lazy one takes up to `more` of them.
        private struct Return {
            var step: Int
            var place: Int
            var limit: Int
            var more: Int
        }

        private var returns: [Return] = []

        init(text: UnsafeBufferPointer<UInt8>, range: Range<Int>) {
            self.text = text
            self.range = range
        }

        /// Walks from a step to the `accept` that ends it.
        mutating func end(of steps: UnsafeBufferPointer<Step>, at first: Int, from start: Int) -> Int? {
            let floor = returns.count
            defer { returns.removeLast(returns.count - floor) }
            var step = first
            var place = start
            while true {
                var fits = true
                switch steps[step] {
                case .accept: return place
                case .scalar(let set):
                    fits = take(set, &place)
                    step += 1
                case .run(let set, let atLeast, let atMost, let greed):
                    fits = run(set, atLeast, atMost, greed, step, &place)
                    step += 1
                case .either(let first, let second):
                    returns.append(Return(step: second, place: place, limit: place, more: 0))
                    step = first
                case .jump(let target): step = target
                case .look(let end, let isNegated):
                    fits = (self.end(of: steps, at: step + 1, from: place) != nil) != isNegated
                    step = end
                case .atomic(let end):
                    let reached = self.end(of: steps, at: step + 1, from: place)
                    fits = reached != nil
                    place = reached ?? place
                    step = end
                case .behind(let set, let isNegated):
                    fits = (before(place).map { set.contains($0) } ?? false) != isNegated
                    step += 1
                case .anchor(let anchor):
                    fits = holds(anchor, at: place)
                    step += 1
                }
                if fits { continue }
                guard let back = goBack(steps, floor) else { return nil }
                (step, place) = back
            }
        }

        /// The latest place above `floor` of the stack to go on from; nil if there is none.
        private mutating func goBack(
            _ steps: UnsafeBufferPointer<Step>, _ floor: Int
        ) -> (step: Int, place: Int)? {
            while returns.count > floor {
                let last = returns.count - 1
                let back = returns[last]
                var place = back.place
                if back.more > 0, case .run(let set, _, _, _) = steps[back.step - 1] {
                    guard take(set, &place) else {
                        returns.removeLast()
                        continue
                    }
                    returns[last] = Return(step: back.step, place: place, limit: place, more: back.more - 1)
                    if back.more == 1 { returns.removeLast() }
                } else if place > back.limit {
                    place = text.scalarStart(at: place - 1)
                    returns[last].place = place
                    if place == back.limit { returns.removeLast() }
                } else {
                    returns.removeLast()
                }
                return (back.step, place)
            }
            return nil
        }

        @inline(__always)
        private func take(_ set: ScalarSet, _ place: inout Int) -> Bool {
            guard place < range.upperBound else { return false }
            let (value, width) = text.scalar(at: place)
            guard set.contains(value) else { return false }
            place += width
            return true
        }

        private mutating func run(
            _ set: ScalarSet, _ atLeast: Int, _ atMost: Int, _ greed: Greed, _ step: Int, _ place: inout Int
        ) -> Bool {
            var count = 0
            while count < atLeast {
                guard take(set, &place) else { return false }
                count += 1
            }
            let least = place
            if greed == .lazy {
                if atMost > count {
                    returns.append(Return(step: step + 1, place: place, limit: place, more: atMost - count))
                }
                return true
            }
            while count < atMost, take(set, &place) { count += 1 }
            if greed == .greedy, place > least {
                returns.append(Return(step: step + 1, place: place, limit: least, more: 0))
            }
            return true
        }

        /// The scalar that ends at a place.
        private func before(_ place: Int) -> UInt32? {
            place > range.lowerBound ? text.scalar(at: text.scalarStart(at: place - 1)).value : nil
        }

        private func after(_ place: Int) -> UInt32? {
            place < range.upperBound ? text.scalar(at: place).value : nil
        }

        private func holds(_ anchor: Anchor, at place: Int) -> Bool {
            switch anchor {
            case .textStart: return place == range.lowerBound
            case .textEnd: return place == range.upperBound
            case .beforeLastNewline:
                return place == range.upperBound || place + 1 == range.upperBound && text[place] == 0x0A
            case .lineStart:
                return place == range.lowerBound || text[place - 1] == 0x0A && place < range.upperBound
            case .lineEnd: return place == range.upperBound || text[place] == 0x0A
            case .wordEdge, .notWordEdge:
                let isWordBefore = before(place).map { ScalarSet.word.contains($0) } ?? false
                let isWordAfter = after(place).map { ScalarSet.word.contains($0) } ?? false
                return (isWordBefore != isWordAfter) == (anchor == .wordEdge)
            }
        }
    }
}
