export const show = () => Promise.resolve(0)
