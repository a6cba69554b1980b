"""Learning byte-pair encoding: subword-nmt's own algorithm, with a quicker way to the most frequent pair.

subword-nmt looks through all pairs for every merge; that is most of its time (and most of the time of preparing a
corpus). Here pairs lie in buckets by their frequency, of which only the highest is looked at. Everything else (the
counts, what is pruned from them and when) is subword-nmt's, because it decides which merges come out: they are the same
to the byte. Read `bpe` next, which applies them.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterator
from heapq import heapify, heappop, heappush

Pair = tuple[str, str]
Word = tuple[str, ...]
Change = tuple[int, Word, Word, int]  # place in the vocabulary, the word after and before, its frequency

END = "</w>"
PRUNED_EVERY = 100  # merges


def learn(counts: Counter[str], merges: int, min_frequency: int) -> Iterator[Pair]:
    """The pairs to merge, in order: at most `merges`, and none rarer than `min_frequency`.

    Args:
        counts: how often each word occurs.
        merges: how many are wanted.
        min_frequency: of a pair.
    """
    from subword_nmt.learn_bpe import get_pair_statistics, prune_stats, update_pair_statistics

    split = {(*word[:-1], word[-1] + END): count for word, count in counts.items()}
    vocabulary = sorted(split.items(), key=lambda item: item[1], reverse=True)
    found, indices = get_pair_statistics(vocabulary)
    complete: defaultdict[Pair, int] = defaultdict(int, found)
    pairs = _Pairs(found)
    threshold = max(found.values(), default=0) / 10
    for done in range(merges):
        best = pairs.best()
        if best is None or (done and pairs[best] < threshold):  # it may be among those that were pruned
            prune_stats(pairs, complete, threshold)
            pairs = _Pairs(complete)
            best = pairs.best()
            if best is None:
                return
            threshold = pairs[best] * done / (done + 10000.0)
            prune_stats(pairs, complete, threshold)
        if pairs[best] < min_frequency:
            return
        yield best
        update_pair_statistics(best, list(_merge(best, vocabulary, indices)), pairs, indices)
        pairs[best] = 0
        if not done % PRUNED_EVERY:
            prune_stats(pairs, complete, threshold)


class _Pairs(defaultdict[Pair, int]):
    """Pair → frequency, which finds the most frequent pair, and among equals the last by the alphabet."""

    def __init__(self, frequencies: dict[Pair, int]) -> None:
        super().__init__(int, frequencies)
        self._changed: set[Pair] = set()
        self._buckets: defaultdict[int, list[Pair]] = defaultdict(list)
        for pair, frequency in frequencies.items():
            self._buckets[frequency].append(pair)
        self._highest = [-frequency for frequency in self._buckets]
        heapify(self._highest)
        self._sorted: int | None = None  # the frequency whose bucket is in order

    def __setitem__(self, pair: Pair, frequency: int) -> None:
        super().__setitem__(pair, frequency)
        self._changed.add(pair)

    def best(self) -> Pair | None:
        """The most frequent pair; None where there is none."""
        self._settle()
        while self._highest:
            frequency = -self._highest[0]
            bucket = self._buckets[frequency]
            if self._sorted != frequency:
                bucket.sort()
                self._sorted = frequency
            while bucket:
                if self.get(bucket[-1]) == frequency:
                    return bucket[-1]
                bucket.pop()  # it has another frequency by now, or was pruned
            heappop(self._highest)
            del self._buckets[frequency]
            self._sorted = None
        return None

    def _settle(self) -> None:
        """Put what has changed into its bucket."""
        for pair in self._changed:
            frequency = self.get(pair)
            if frequency is None:  # pruned since
                continue
            if frequency not in self._buckets:
                heappush(self._highest, -frequency)
            if frequency == self._sorted:
                insort(self._buckets[frequency], pair)
            else:
                self._buckets[frequency].append(pair)
        self._changed.clear()


def _merge(
    pair: Pair, vocabulary: list[tuple[Word, int]], indices: dict[Pair, dict[int, int]]
) -> Iterator[Change]:
    """Merge a pair in every word that has it."""
    first, second = pair
    both = first + second
    for place, times in indices[pair].items():
        if times < 1:
            continue
        before, frequency = vocabulary[place]
        after: list[str] = []
        symbols = iter(range(len(before)))
        last = len(before) - 1
        for index in symbols:
            if index < last and before[index] == first and before[index + 1] == second:
                after.append(both)
                next(symbols)
            else:
                after.append(before[index])
        vocabulary[place] = tuple(after), frequency
        yield place, vocabulary[place][0], before, frequency
