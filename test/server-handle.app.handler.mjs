export default async () => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  return new Response('answered');
};
