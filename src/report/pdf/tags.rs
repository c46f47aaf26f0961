//! The structure that screen readers follow: a tree of tags, known before anything is drawn. Its
//! leaves are filled in when they are.

use krilla::tagging::{Identifier, Node, TagGroup, TagKind, TagTree};

/// The tree.
#[derive(Default)]
pub(super) struct Tags {
    branches: Vec<(TagKind, Vec<Child>)>,
    roots: Vec<Branch>,
    n_leaves: usize,
}

/// A part of the document with a meaning.
#[derive(Clone, Copy)]
pub(super) struct Branch(usize);

/// What is drawn in one place under one branch.
#[derive(Clone, Copy)]
pub(super) struct Leaf(usize);

enum Child {
    Branch(Branch),
    Leaf(Leaf),
}

/// What was drawn for each leaf.
pub(super) struct Drawn(Vec<Option<Identifier>>);

impl Tags {
    /// A part at the top of the tree.
    pub(super) fn root(&mut self, tag: impl Into<TagKind>) -> Branch {
        let branch = self.add(tag.into());
        self.roots.push(branch);
        branch
    }

    /// A part of a part, after those it has.
    pub(super) fn branch(&mut self, parent: Branch, tag: impl Into<TagKind>) -> Branch {
        let branch = self.add(tag.into());
        self.branches[parent.0].1.push(Child::Branch(branch));
        branch
    }

    fn add(&mut self, tag: TagKind) -> Branch {
        self.branches.push((tag, Vec::new()));
        Branch(self.branches.len() - 1)
    }

    /// A place for something drawn, after what the part has.
    pub(super) fn leaf(&mut self, parent: Branch) -> Leaf {
        let leaf = Leaf(self.n_leaves);
        self.n_leaves += 1;
        self.branches[parent.0].1.push(Child::Leaf(leaf));
        leaf
    }

    /// Nothing is drawn yet.
    pub(super) fn undrawn(&self) -> Drawn {
        Drawn(vec![None; self.n_leaves])
    }

    /// The tree with what was drawn.
    pub(super) fn into_tree(self, drawn: &Drawn, lang: &str) -> TagTree {
        let mut tree = TagTree::new().with_lang(Some(lang.to_owned()));
        for root in &self.roots {
            tree.push(self.group(*root, drawn));
        }
        tree
    }

    fn group(&self, branch: Branch, drawn: &Drawn) -> TagGroup {
        let (tag, children) = &self.branches[branch.0];
        let children = children
            .iter()
            .filter_map(|child| match child {
                Child::Branch(branch) => Some(Node::Group(self.group(*branch, drawn))),
                Child::Leaf(leaf) => drawn.0[leaf.0].map(Node::Leaf),
            })
            .collect();
        TagGroup::with_children(tag.clone(), children)
    }
}

impl Drawn {
    pub(super) fn fill(&mut self, leaf: Leaf, identifier: Identifier) {
        self.0[leaf.0] = Some(identifier);
    }
}
