// placeholder of this worktree only
