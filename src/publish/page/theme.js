// Runs before anything is drawn, so that a chosen theme does not flash: light, dark, or as the system has it.
{
  let chosen = null;
  try {
    chosen = localStorage.getItem('tributary-theme');
  } catch {
    // A browser that keeps nothing for us shows the system's theme.
  }
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
}
