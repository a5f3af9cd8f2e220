//! From everything that is wrong to its causes: what has an ancestor that is wrong is a consequence of it. Pure, over
//! any graph.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// For each failed node that follows from another one, the cause that it follows from: the nearest one above it that
/// follows from nothing. `above` gives the failed nodes that a node may follow from, the nearest first. Nodes above
/// each other in a circle are one: the one with the smallest weight stands for it.
pub fn causes<N: Ord + Clone, W: Ord>(
    failed: &BTreeSet<N>,
    above: impl Fn(&N) -> Vec<N>,
    weight: impl Fn(&N) -> W,
) -> BTreeMap<N, N> {
    let above: BTreeMap<&N, Vec<N>> = failed.iter().map(|node| (node, above(node))).collect();
    let in_circle = |a: &N, b: &N| above.get(b).is_some_and(|list| list.contains(a));
    // The lightest of a circle stands for it, and is a cause if nothing outside of the circle is above it.
    let lightest = |node: &N| {
        let circle = above[node].iter().filter(|other| in_circle(node, other)).chain([node]);
        circle.min_by(|a, b| weight(a).cmp(&weight(b)).then_with(|| a.cmp(b))).cloned()
    };
    let is_cause =
        |node: &N| above[node].iter().all(|other| in_circle(node, other)) && lightest(node).as_ref() == Some(node);
    let roots: BTreeSet<&N> = failed.iter().filter(|node| is_cause(node)).collect();
    let consequences = failed.iter().filter(|node| !roots.contains(node));
    consequences
        .filter_map(|node| Some((node.clone(), above[node].iter().find(|other| roots.contains(other))?.clone())))
        .collect()
}

/// All that a thing needs, directly or not, the nearest first; without itself. What lies behind a thing counts where
/// `passes` says that it passes trouble on: one that is well although what it needs is not has kept the trouble to
/// itself.
pub fn needed<N: Ord + Clone>(thing: &N, needs: impl Fn(&N) -> Vec<N>, passes: impl Fn(&N) -> bool) -> Vec<N> {
    let (mut seen, mut queue, mut found) =
        (BTreeSet::from([thing.clone()]), VecDeque::from([thing.clone()]), Vec::new());
    while let Some(next) = queue.pop_front() {
        for need in needs(&next) {
            if seen.insert(need.clone()) {
                found.push(need.clone());
                if passes(&need) {
                    queue.push_back(need);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(failed: &BTreeSet<usize>, needs: &[Vec<usize>]) -> BTreeMap<usize, usize> {
        run_with(failed, needs, |n| failed.contains(n))
    }

    fn run_with(
        failed: &BTreeSet<usize>,
        needs: &[Vec<usize>],
        passes: impl Fn(&usize) -> bool,
    ) -> BTreeMap<usize, usize> {
        let above =
            |n: &usize| needed(n, |m| needs[*m].clone(), &passes).into_iter().filter(|m| failed.contains(m)).collect();
        causes(failed, above, |n| *n)
    }

    /// Every node that needs one of these, directly or not, and these.
    fn below(broken: &BTreeSet<usize>, needs: &[Vec<usize>]) -> BTreeSet<usize> {
        let mut all = broken.clone();
        loop {
            let more: Vec<usize> =
                (0..needs.len()).filter(|n| !all.contains(n) && needs[*n].iter().any(|m| all.contains(m))).collect();
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }

    /// Any graph without circles: a node needs only nodes with smaller numbers.
    fn graph() -> impl Strategy<Value = Vec<Vec<usize>>> {
        (2usize..30).prop_flat_map(|n| {
            let of = |at: usize| {
                proptest::collection::vec(0..at.max(1), 0..4).prop_map(move |mut v| {
                    v.retain(|m| *m < at);
                    v
                })
            };
            (0..n).map(of).collect::<Vec<_>>()
        })
    }

    proptest! {
        #[test]
        fn one_failed_node_is_exactly_one_cause(needs in graph(), pick in any::<prop::sample::Index>()) {
            let broken = pick.index(needs.len());
            let failed = below(&BTreeSet::from([broken]), &needs);
            let found = run(&failed, &needs);
            prop_assert!(found.values().all(|cause| *cause == broken), "{found:?}");
            prop_assert_eq!(found.len(), failed.len() - 1);
            prop_assert!(!found.contains_key(&broken));
        }

        #[test]
        fn every_consequence_has_a_cause_that_has_none(needs in graph(), picks in proptest::collection::btree_set(0usize..30, 1..5)) {
            let broken: BTreeSet<usize> = picks.into_iter().filter(|n| *n < needs.len()).collect();
            let failed = below(&broken, &needs);
            let found = run(&failed, &needs);
            prop_assert!(found.values().all(|cause| !found.contains_key(cause) && broken.contains(cause)));
            prop_assert!(failed.is_empty() || found.len() < failed.len());
        }

        #[test]
        fn a_circle_has_one_cause(n in 2usize..10) {
            let needs: Vec<Vec<usize>> = (0..n).map(|at| vec![(at + 1) % n]).collect();
            let found = run(&(0..n).collect(), &needs);
            prop_assert_eq!(found.len(), n - 1);
            prop_assert!(found.values().all(|cause| *cause == 0));
        }
    }

    #[test]
    fn the_way_leads_through_what_passes_trouble_on_and_ends_at_what_keeps_it() {
        let (needs, failed) = (vec![vec![], vec![0], vec![1]], BTreeSet::from([0, 2]));
        assert_eq!(run_with(&failed, &needs, |_| true), BTreeMap::from([(2, 0)]));
        assert_eq!(run(&failed, &needs), BTreeMap::new());
    }
}
